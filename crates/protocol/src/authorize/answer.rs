//! The answer to an authorization request: a grant, its code, and the redirect that carries the code (RFC 6749 §4.1.2).

use grantd_tokens::{Secret, Time};

use super::VerifiedRedirectUri;
use crate::changes::Change;
use crate::endpoint::{Env, Ledger};
use crate::names::{GrantId, Issuer, ResourceId, Scope, Scopes};
use crate::records::{
    Client, Code, Detail, Given, Grant, GrantState, NamedThing, PendingRequest, Presence, Redemption, Resource, Session,
};
use crate::token::grant_type::GrantType;

/// What the user left ticked: within what was asked (AUTHZ-14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    scopes: Scopes,
    resources: Vec<ResourceId>,
    details: Vec<Detail>,
    names: Vec<NamedThing>,
}

impl Choice {
    /// These scopes and details of a request. Of the resources asked for, those stay of which anything was left: a token for
    /// another would say that the user had let the client in there.
    pub fn of(pending: &PendingRequest, scopes: Scopes, details: Vec<Detail>, known: &[Resource]) -> Self {
        let of_a_scope = |id: &ResourceId| {
            known.iter().any(|resource| resource.id == *id && scopes.iter().any(|scope| resource.defines(scope)))
        };
        let left = |id: &&ResourceId| of_a_scope(id) || details.iter().any(|detail| detail.resource == **id);
        let resources = pending.resources.iter().filter(left).cloned().collect();
        Self { scopes, resources, details, names: Vec::new() }
    }

    /// With what the things are called, to show them to their owner again.
    #[must_use]
    pub fn with_names(self, names: Vec<NamedThing>) -> Self {
        Self { names, ..self }
    }

    /// Whether nothing was left of any resource. Lasting access to nothing is nothing.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// The scopes.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The details, each with the thing it is about.
    pub fn details(&self) -> &[Detail] {
        &self.details
    }

    /// What the things are called, as far as it is known.
    pub fn names(&self) -> &[NamedThing] {
        &self.names
    }
}

/// A code on its way to the client. The address is a secret for a minute: it is never logged.
pub struct AuthorizationResponse {
    to: VerifiedRedirectUri,
    code: Secret,
    state: Option<String>,
    issuer: Issuer,
}

impl AuthorizationResponse {
    /// The value of `Location`: `code`, `state` unchanged (AUTHZ-11), `iss` (AUTHZ-10).
    pub fn location(&self) -> String {
        let mut parameters = vec![("code", self.code.expose())];
        parameters.extend(self.state.as_deref().map(|state| ("state", state)));
        parameters.push(("iss", self.issuer.as_str()));
        self.to.with_parameters(&parameters)
    }

    /// Where it goes.
    pub fn to(&self) -> &VerifiedRedirectUri {
        &self.to
    }
}

impl std::fmt::Debug for AuthorizationResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AuthorizationResponse").field("to", &self.to).finish_non_exhaustive()
    }
}

/// Writes down the grant and its code. The caller has checked that the user is signed in and agrees.
pub fn approve(
    pending: &PendingRequest,
    to: VerifiedRedirectUri,
    choice: Choice,
    (session, client): (&Session, &Client),
    env: &mut Env<'_>,
    ledger: &mut Ledger,
) -> AuthorizationResponse {
    let presence = if choice.scopes.contains(&Scope::offline_access()) && client.may_act_alone() {
        Presence::Offline
    } else {
        Presence::WhileSignedIn
    };
    let grant = Grant {
        last_used_at: env.now,
        narrowings: 0,
        id: GrantId::new(Secret::random(env.random).expose()),
        user: session.user.clone(),
        client: client.id.clone(),
        session: session.id,
        given: Given { scopes: choice.scopes.clone(), details: choice.details.clone() },
        scopes: choice.scopes,
        default_resource: choice.resources.first().cloned(),
        resources: choice.resources,
        details: choice.details,
        names: choice.names,
        presence,
        authenticated_at: session.authenticated_at,
        created_at: env.now,
        expires_at: end_of_grant(client, presence, session, env),
        state: GrantState::Standing,
    };
    let code = Secret::random(env.random);
    let record = Code {
        hash: code.hash(),
        grant: grant.id.clone(),
        client: client.id.clone(),
        redirect_uri: pending.redirect_uri.clone(),
        code_challenge: pending.code_challenge,
        issued_at: env.now,
        expires_at: env.now + env.settings.lifetimes.authorization_code,
        wrong_verifiers: 0,
        redemption: Redemption::Pending,
    };
    ledger.if_answered(Change::AddGrant(grant));
    ledger.if_answered(Change::AddCode(record));
    AuthorizationResponse { to, code, state: pending.state.clone(), issuer: env.settings.issuer.clone() }
}

/// The absolute end of everything under the grant (REFRESH-12, AT-06): never later than its session unless the user let it
/// last, and for a client without refresh tokens the end of the one access token it can get.
fn end_of_grant(client: &Client, presence: Presence, session: &Session, env: &Env<'_>) -> Time {
    let lifetimes = &env.settings.lifetimes;
    let longest = if may_refresh(client) {
        env.now + lifetimes.refresh_token
    } else {
        env.now + lifetimes.authorization_code + grantd_tokens::Seconds::hours(1)
    };
    match presence {
        Presence::Offline => longest,
        Presence::WhileSignedIn => longest.min(session.expires_at),
    }
}

fn may_refresh(client: &Client) -> bool {
    client.grant_types.contains(&GrantType::RefreshToken)
}
