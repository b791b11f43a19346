//! Postcard: an app that lives in the browser alone. Its server hands out a page, a script and nothing else; the script is the client.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::addresses::Addresses;
use crate::declarations::{LIST_BOXES, LOCKBOX, POSTCARD};
use crate::page::{Leave, assets, page_with};

/// What the script is told, as attributes of the page: nothing of it is secret.
#[derive(Template)]
#[template(path = "postcard.html")]
struct Page {
    issuer: String,
    resource: String,
    redirect_uri: String,
    client_id: &'static str,
    scope: &'static str,
    details_type: &'static str,
}

struct App {
    page: Page,
    leave: Leave,
}

/// The page under the start address and under the redirect URI: the script sees by the address what is to be done.
pub(crate) fn router(issuer: &str, addresses: &Addresses) -> Router {
    let page = Page {
        issuer: issuer.to_owned(),
        resource: addresses.lockbox_resource(),
        redirect_uri: addresses.browser_callback(),
        client_id: POSTCARD,
        scope: LIST_BOXES,
        details_type: LOCKBOX,
    };
    let issuer_origin = url::Url::parse(issuer).map(|url| url.origin().ascii_serialization());
    let script_asks = vec![issuer_origin.unwrap_or_default(), addresses.lockbox.clone()];
    let app = App { page, leave: Leave { script_asks, ..Leave::default() } };
    Router::new()
        .route("/", get(show))
        .route("/callback", get(show))
        .with_state(Arc::new(app))
        .route("/postcard.js", get(script))
        .merge(assets())
}

async fn show(State(app): State<Arc<App>>) -> Response {
    page_with(&app.page, &app.leave)
}

async fn script() -> ([(http::HeaderName, &'static str); 2], &'static str) {
    let headers = [(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, "max-age=300")];
    (headers, include_str!("../assets/postcard.js"))
}
