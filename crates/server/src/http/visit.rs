//! Who is asking: what a request says of its browser, its source and its origin.

use axum::extract::FromRequestParts;
use grantd_protocol::forms::{BrowserState, FormOrigin};
use grantd_protocol::names::Network;
use grantd_tokens::Secret;
use http::HeaderMap;
use http::header::ORIGIN;
use http::request::Parts;

use super::cookies::{CookieJar, CookieKind};
use crate::app::Shared;
use crate::listen::Source;
use crate::pages::Chrome;
use crate::telemetry::RequestId;

/// A request to a page.
pub struct Visit {
    /// The browser's cookies; the handle is added from the query or the form.
    pub browser: BrowserState,
    /// Where it came from.
    pub network: Network,
    /// Which page its form stood on.
    pub origin: FormOrigin,
    /// What every page needs.
    pub chrome: Chrome,
}

impl Visit {
    /// With the handle of the pending request that the page or form is about.
    #[must_use]
    pub fn about(mut self, handle: Option<&str>) -> Self {
        self.browser.handle = handle.map(Secret::new);
        self
    }
}

impl FromRequestParts<Shared> for Visit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Self::Rejection> {
        let jar = CookieJar::read(&parts.headers, app.transport);
        Ok(Self {
            browser: BrowserState {
                browser: jar.get(CookieKind::Interaction).cloned(),
                session: jar.get(CookieKind::Session).cloned(),
                handle: None,
            },
            network: network_of(parts),
            origin: form_origin(&parts.headers, &app.origin),
            chrome: Chrome {
                issuer_host: host_of(&app.origin),
                mode: app.mode,
                correlation_id: parts.extensions.get::<RequestId>().map(ToString::to_string).unwrap_or_default(),
            },
        })
    }
}

/// Where a request came from, for throttling.
pub fn network_of(parts: &Parts) -> Network {
    Network::new(parts.extensions.get::<Source>().map(|source| source.network()).unwrap_or_default())
}

/// SESS-05. A browser always says where a form came from in `Sec-Fetch-Site`; because our pages send no referrer, its `Origin`
/// is then `null`. A program that sends neither header has no ambient cookies that a stranger could use.
fn form_origin(headers: &HeaderMap, own: &str) -> FormOrigin {
    let site = headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes);
    let origin = headers.get(ORIGIN).map(http::HeaderValue::as_bytes);
    match (site, origin) {
        (None | Some(b"same-origin" | b"none"), Some(origin)) if origin == own.as_bytes() => FormOrigin::Own,
        (None | Some(b"same-origin" | b"none"), None) | (Some(b"same-origin"), Some(b"null")) => FormOrigin::Own,
        _ => FormOrigin::Foreign,
    }
}

fn host_of(origin: &str) -> String {
    origin.split_once("://").map_or(origin, |(_, host)| host).to_owned()
}
