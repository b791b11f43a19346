//! Protected resource metadata (RFC 9728): how a client that was refused finds out where to get a token.

use crate::guard::Guard;
use axum::Router;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use axum::response::{IntoResponse, Json};
use axum::routing::get;
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// The document (RFC 9728 §2, RFC 9396 §10). What is empty is not mentioned.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ResourceMetadata {
    /// The resource identifier, exactly as configured.
    pub resource: String,
    /// Where tokens come from.
    pub authorization_servers: Vec<String>,
    /// How a token is sent: in the header, and in no other way (NEVER-05).
    pub bearer_methods_supported: Vec<String>,
    /// Scopes worth asking for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// Types of authorization details that this API understands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types_supported: Vec<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
}

/// The path of the document: the well-known part stands between host and path; a path that is only `/` counts as none
/// (RFC 9728 §3.1).
pub(crate) fn metadata_path(resource: &Url) -> String {
    let path = if resource.path() == "/" { "" } else { resource.path() };
    format!("/.well-known/oauth-protected-resource{path}")
}

impl Guard {
    /// One open route with the metadata of this API (RS-12), for those who put their router together themselves. The
    /// document is for clients that have no token yet, so the route stands outside the layer, and the layered router is
    /// merged *into* it: the other way round axum takes this router's fallback, and paths that do not exist answer 404
    /// rather than 401.
    ///
    /// Browser applications of any origin may read it; there is nothing private in it.
    pub fn metadata_routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let metadata = self.metadata().clone();
        let answer = async move || {
            let headers = [(CACHE_CONTROL, "public, max-age=300"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
            (headers, Json(metadata)).into_response()
        };
        // The path is the operator's, literally: a segment that starts with `:` is no parameter.
        Router::new().without_v07_checks().route(self.metadata_path(), get(answer))
    }
}
