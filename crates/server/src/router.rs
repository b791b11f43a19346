//! Path → handler, one line each: the table of contents of the server.

use axum::Router;
use axum::routing::{MethodRouter, get, post};
use grantd_protocol::metadata::paths;

use crate::app::Shared;
use crate::http::{
    account, authorize, back_channel, consent, home, introspect, login, metadata, revocations, revoke, token,
};
use crate::pages;

/// Every route of one issuer. Guards of all requests stand in front, in `listen`.
pub fn router(app: Shared) -> Router {
    let well_known = format!("/.well-known/oauth-authorization-server{}", app.base_path);
    let issuer = Router::new()
        // HEAD would be a GET whose answer nobody sees, and still begin a request or issue a code (AUTHZ-01).
        .route(paths::AUTHORIZE, get(authorize::get).post(authorize::post).head(authorize::no_head))
        .route(paths::TOKEN, for_programs(post(token::post)))
        .route(paths::REVOKE, for_programs(post(revoke::post)))
        .route(paths::INTROSPECT, post(introspect::post).fallback(introspect::method_not_allowed))
        .route(paths::JWKS, get(metadata::jwks).options(metadata::preflight))
        .route(paths::REVOCATIONS, get(revocations::get).options(metadata::preflight))
        .route("/.well-known/jwks.json", get(metadata::jwks).options(metadata::preflight))
        .route("/login", get(login::get).post(login::post))
        .route("/consent", get(consent::get).post(consent::post))
        .route("/logout", get(home::confirm).post(home::sign_out))
        .route(account::PATH, get(account::get).post(account::post))
        .route("/", get(home::get))
        .method_not_allowed_fallback(metadata::method_not_allowed);
    let issuer = if app.base_path.is_empty() { issuer } else { Router::new().nest(&app.base_path, issuer) };
    let mut routes = issuer
        .route(&well_known, get(metadata::get).options(metadata::preflight))
        .route("/livez", get(metadata::live))
        .route("/readyz", get(metadata::ready))
        .route("/healthz", get(metadata::ready));
    for asset in pages::assets() {
        routes = routes.route(asset.path, get(move || async move { metadata::asset(asset) }));
    }
    routes.fallback(metadata::not_found).with_state(app)
}

/// A POST of a client's program, which may run in a browser.
fn for_programs(endpoint: MethodRouter<Shared>) -> MethodRouter<Shared> {
    endpoint.options(back_channel::preflight).fallback(back_channel::method_not_allowed)
}
