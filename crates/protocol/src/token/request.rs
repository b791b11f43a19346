//! A token request as it was sent: parsed into a type that cannot hold a bad one, and not yet believed.

use grantd_tokens::Secret;

use super::grant_type::GrantType;
use crate::back_channel;
use crate::client_auth::Presented;
use crate::names::{Network, ResourceId, Scopes};
use crate::parameters::Parameters;
use crate::refusals::Refusal;

/// A request to the token endpoint.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    pub(super) presented: Presented,
    pub(super) asked: Asked,
    pub(super) target: Target,
    pub(super) network: Network,
}

/// What of what was granted the access token shall carry.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) resource: Option<ResourceId>,
    pub(super) details: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Asked {
    AuthorizationCode(AuthorizationCode),
    RefreshToken(RefreshToken),
    ClientCredentials(ClientCredentials),
}

#[derive(Clone, Debug)]
pub(super) struct AuthorizationCode {
    pub(super) code: Secret,
    pub(super) redirect_uri: Option<String>,
    pub(super) code_verifier: Option<Secret>,
}

#[derive(Clone, Debug)]
pub(super) struct RefreshToken {
    pub(super) refresh_token: Secret,
    pub(super) scope: Option<Scopes>,
}

#[derive(Clone, Debug)]
pub(super) struct ClientCredentials {
    pub(super) scope: Option<Scopes>,
}

impl Asked {
    pub(super) fn grant_type(&self) -> GrantType {
        match self {
            Self::AuthorizationCode(_) => GrantType::AuthorizationCode,
            Self::RefreshToken(_) => GrantType::RefreshToken,
            Self::ClientCredentials(_) => GrantType::ClientCredentials,
        }
    }
}

impl TokenRequest {
    /// Reads a body of `application/x-www-form-urlencoded` and the value of an `Authorization` header.
    ///
    /// Parameters in the URL are refused if they look like a token request and ignored otherwise (TOKEN-03).
    pub fn parse(
        query: Option<&[u8]>,
        authorization: Option<&[u8]>,
        body: &[u8],
        network: Network,
    ) -> Result<Self, Refusal> {
        let parameters = back_channel::parameters(query, body, &["resource"])?;
        // Before any client or user is looked up (NEVER-02).
        let grant_type = parameters.get("grant_type").ok_or(Refusal::GrantTypeMissing)?;
        let grant_type = GrantType::parse(grant_type).ok_or(Refusal::GrantTypeUnsupported)?;
        let presented = Presented::parse(authorization, &parameters)?;
        let mut resources = parameters.all("resource");
        let resource = resources.next().map(ResourceId::new);
        if resources.next().is_some() {
            return Err(Refusal::SeveralTargets);
        }
        let details = parameters.get("authorization_details").map(str::to_owned);
        let asked = ask(grant_type, &parameters)?;
        Ok(Self { presented, asked, target: Target { resource, details }, network })
    }
}

fn ask(grant_type: GrantType, parameters: &Parameters) -> Result<Asked, Refusal> {
    let secret = |name| parameters.get(name).map(Secret::new);
    let scope = match parameters.get("scope").map(Scopes::parse) {
        None => None,
        Some(Some(scopes)) => Some(scopes),
        Some(None) => return Err(Refusal::ScopeMalformed),
    };
    Ok(match grant_type {
        GrantType::AuthorizationCode => Asked::AuthorizationCode(AuthorizationCode {
            code: secret("code").ok_or(Refusal::TokenParameterMissing)?,
            redirect_uri: parameters.get("redirect_uri").map(str::to_owned),
            code_verifier: secret("code_verifier"),
        }),
        GrantType::RefreshToken => Asked::RefreshToken(RefreshToken {
            refresh_token: secret("refresh_token").ok_or(Refusal::TokenParameterMissing)?,
            scope,
        }),
        GrantType::ClientCredentials => Asked::ClientCredentials(ClientCredentials { scope }),
    })
}
