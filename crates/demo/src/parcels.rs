//! The parcel counter: a second API with an audience of its own. A key to a lockbox opens nothing here. It asks grantd about every key, and so
//! knows at once what has ended.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use grantd_resource::{Access, ConfigurationFault, Guard, Introspection, Refusal, Seconds};
use serde_json::json;

use crate::addresses::Addresses;
use crate::cors;
use crate::declarations::{PARCEL_COUNTER, TRACK_PARCELS};
use crate::people::by_subject;

/// The whole API. `secret` is its own, by which grantd knows who asks.
pub(crate) fn router(issuer: &str, secret: &str, addresses: &Addresses) -> Result<Router, ConfigurationFault> {
    let guard = Guard::builder(issuer, &addresses.parcels_resource())
        .name("Parcel counter")
        .scopes([TRACK_PARCELS])
        .introspect(Introspection::new(PARCEL_COUNTER, secret).cache_for(Seconds(0)))
        .development()
        .build()?;
    let browser_app: Arc<str> = addresses.browser.as_str().into();
    let router = Router::new()
        .route("/parcels", get(track))
        .layer(guard.layer())
        .merge(guard.metadata_routes())
        .layer(from_fn_with_state(browser_app, cors::let_in));
    Ok(router)
}

/// Where the person's parcels are.
async fn track(access: Access) -> Result<Response, Refusal> {
    access.require_scope(TRACK_PARCELS)?;
    let parcels = by_subject(access.subject()).map_or(&[][..], |person| person.parcels);
    Ok(Json(json!({ "parcels": parcels })).into_response())
}
