//! Authorization server metadata (RFC 8414 §2), computed from what the code does, so that it cannot lie (META-03).

use serde::Serialize;

use crate::client_auth;
use crate::names::Scope;
use crate::records::{Resource, Status};
use crate::settings::Settings;
use crate::token::grant_type::GrantType;
use crate::token::pkce;

/// The paths of the endpoints below the issuer. The router and this document read the same list.
pub mod paths {
    /// RFC 6749 §3.1.
    pub const AUTHORIZE: &str = "/authorize";
    /// RFC 6749 §3.2.
    pub const TOKEN: &str = "/token";
    /// RFC 7517 §5.
    pub const JWKS: &str = "/jwks";
    /// RFC 7009 §2.
    pub const REVOKE: &str = "/revoke";
    /// RFC 7662 §2.
    pub const INTROSPECT: &str = "/introspect";
    /// The revocation feed (AT-11).
    pub const REVOCATIONS: &str = "/revocations";
}

/// The document. Members in the order of RFC 8414 §2, and one of our own: `revocation_feed_endpoint`, where resource servers learn
/// which signed access tokens ended before their time (AT-11).
#[derive(Debug, Serialize)]
pub struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    scopes_supported: Vec<String>,
    response_types_supported: &'static [&'static str],
    response_modes_supported: &'static [&'static str],
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: &'static [&'static str],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: &'static [&'static str],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: &'static [&'static str],
    introspection_signing_alg_values_supported: [&'static str; 1],
    code_challenge_methods_supported: &'static [&'static str],
    authorization_response_iss_parameter_supported: bool,
    authorization_details_types_supported: Vec<String>,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    revocation_feed_endpoint: String,
}

impl Metadata {
    /// The document of an issuer with these settings and resources. Depends on nothing of any request (META-04).
    pub fn new(settings: &Settings, resources: &[Resource]) -> Self {
        let issuer = &settings.issuer;
        let at = |path: &str| format!("{}{path}", issuer.as_str().trim_end_matches('/'));
        let active: Vec<&Resource> = resources.iter().filter(|resource| resource.status == Status::Active).collect();
        let mut scopes: Vec<String> = vec![Scope::offline_access().to_string()];
        let declared = active.iter().flat_map(|resource| resource.scopes.iter());
        scopes.extend(declared.map(|scope| scope.name.to_string()));
        scopes.sort_unstable();
        scopes.dedup();
        let types = active.iter().flat_map(|resource| resource.detail_types.iter());
        Self {
            issuer: issuer.as_str().to_owned(),
            authorization_endpoint: at(paths::AUTHORIZE),
            token_endpoint: at(paths::TOKEN),
            jwks_uri: at(paths::JWKS),
            scopes_supported: scopes,
            response_types_supported: &["code"],
            response_modes_supported: &["query"],
            grant_types_supported: GrantType::ALL.iter().map(|grant_type| grant_type.as_str()).collect(),
            token_endpoint_auth_methods_supported: client_auth::METHODS,
            revocation_endpoint: at(paths::REVOKE),
            revocation_endpoint_auth_methods_supported: client_auth::METHODS,
            introspection_endpoint: at(paths::INTROSPECT),
            introspection_endpoint_auth_methods_supported: client_auth::CONFIDENTIAL_METHODS,
            introspection_signing_alg_values_supported: [settings.access_token_algorithm.name()],
            code_challenge_methods_supported: pkce::METHODS,
            authorization_response_iss_parameter_supported: true,
            authorization_details_types_supported: types.map(|declared| declared.name.to_string()).collect(),
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            revocation_feed_endpoint: at(paths::REVOCATIONS),
        }
    }
}
