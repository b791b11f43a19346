//! What is issued: claims, not bytes. See [`super::mint`] for the bytes.

use grantd_tokens::{AccessTokenClaims, Algorithm, Seconds, Secret};

use super::pkce::PkceVerified;
use super::refresh_secret::RefreshSecret;
use super::{Request, Wanted};
use crate::changes::Change;
use crate::details;
use crate::endpoint::{Env, Ledger};
use crate::names::{AccessTokenId, ResourceId, Scope, Scopes};
use crate::records::{
    AccessTokenFormat, Detail, Grant, IssuedAccessToken, OpaqueAccessToken, RefreshToken, Resource, Spending, Status,
};
use crate::refusals::Refusal;
use crate::token::grant_type::GrantType;

/// A token response before it is signed.
#[derive(Clone, Debug)]
pub struct Issued {
    /// What the access token says.
    pub access_token: AccessTokenClaims,
    /// What it looks like.
    pub form: Form,
    /// The remaining lifetime, from now (TOKEN-09).
    pub expires_in: Seconds,
    /// The next refresh token.
    pub refresh_token: Option<Secret>,
    /// What was granted for this resource, as it is told to the client (AUTHZ-14).
    pub scope: Scopes,
    /// The same for details (RAR-05).
    pub authorization_details: Vec<Detail>,
    /// How many answers were given for the same refresh token before, of which nothing works any more. All of them may be on
    /// their way at once, so whoever sends this one sees to it that it arrives last.
    pub replaced_answers: u32,
}

/// What an access token looks like on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JWT, signed with the server's key for this algorithm.
    Signed(Algorithm),
    /// These 256 bits; what it says is in the store (AT-07).
    Opaque(Secret),
}

impl Issued {
    /// The access token by name.
    fn named(&self) -> IssuedAccessToken {
        let AccessTokenClaims { jti, exp, .. } = &self.access_token;
        IssuedAccessToken { id: AccessTokenId::new(jti.clone()), expires_at: *exp }
    }
}

/// The part of what may be had that this one access token carries: one resource, and what is defined there.
pub(super) struct Share<'a> {
    grant: Option<&'a Grant>,
    resource: &'a Resource,
    scopes: Scopes,
    details: Vec<Detail>,
}

impl<'a> Share<'a> {
    /// Of a fresh grant: all of it that is the resource's.
    pub(super) fn of_code(grant: &'a Grant, wanted: Wanted<'a>, ledger: &mut Ledger) -> Result<Self, Refusal> {
        Self::of_grant(grant, &grant.scopes, Refusal::NothingLeft, wanted, ledger)
    }

    /// Of a grant, narrowed by the `scope` of a refresh (REFRESH-13) and by what the client has lost since (REFRESH-15). A `scope`
    /// that was given and taken back falls away: many clients repeat what they once got, and are to go on with what is left.
    pub(super) fn of_refresh(
        grant: &'a Grant,
        scope: Option<&Scopes>,
        wanted: Wanted<'a>,
        ledger: &mut Ledger,
    ) -> Result<Self, Refusal> {
        let asked = scope.unwrap_or(&grant.scopes);
        ledger.ensure(asked.is_within(&grant.given.scopes), Refusal::RefreshScopeWider)?;
        let left = asked.filtered(|scope| grant.scopes.contains(scope));
        // `invalid_grant` would make the client throw away a token that is good for what is left.
        let nothing = if left == *asked { Refusal::NothingLeft } else { Refusal::ScopeTakenBack };
        Self::of_grant(grant, &left, nothing, wanted, ledger)
    }

    /// `nothing` is what it is refused for if these scopes and details open nothing there.
    fn of_grant(
        grant: &'a Grant,
        scopes: &Scopes,
        nothing: Refusal,
        wanted: Wanted<'a>,
        ledger: &mut Ledger,
    ) -> Result<Self, Refusal> {
        let client = wanted.client;
        let resource = wanted.target.resource.as_ref().or(grant.default_resource.as_ref());
        let granted = resource.filter(|resource| grant.resources.contains(resource));
        let resource = selected(granted, wanted, ledger)?;
        let allowed = |scope: &Scope| client.scopes.contains(scope) && tellable(scope, resource);
        let still =
            |detail: &&Detail| detail.resource == resource.id && client.detail_types.contains(&detail.type_name);
        let there = |details: &[Detail]| details.iter().filter(still).cloned().collect::<Vec<_>>();
        let details = narrowed(&there(&grant.given.details), there(&grant.details), wanted, ledger)?;
        let share = Self { grant: Some(grant), resource, scopes: scopes.filtered(allowed), details };
        let left_any = share.scopes.iter().any(|scope| resource.defines(scope)) || !share.details.is_empty();
        ledger.ensure(left_any, nothing)?;
        Ok(share)
    }

    /// Of what a client may have for itself.
    pub(super) fn of_client(scope: Option<&Scopes>, wanted: Wanted<'a>, ledger: &mut Ledger) -> Result<Self, Refusal> {
        let client = wanted.client;
        let of_users = |scope: &Scope| *scope == Scope::offline_access();
        let asked = if let Some(asked) = scope {
            let known = |scope: &Scope| wanted.facts.resources.iter().any(|resource| resource.defines(scope));
            asked.filtered(|scope| !of_users(scope) && (known(scope) || client.scopes.contains(scope)))
        } else {
            // AUTHZ-15: what it is registered for by default, and may still have.
            let default = client.default_scopes.filtered(|scope| !of_users(scope) && client.scopes.contains(scope));
            ledger.ensure(!default.is_empty(), Refusal::ScopeMissing)?;
            default
        };
        ledger.ensure(asked.is_within(&client.scopes), Refusal::ScopeNotAllowed)?;
        let defining =
            wanted.facts.resources.iter().find(|resource| {
                resource.status == Status::Active && asked.iter().any(|scope| resource.defines(scope))
            });
        let default = defining.map(|resource| &resource.id).or(client.resources.first());
        let resource = selected(wanted.target.resource.as_ref().or(default), wanted, ledger)?;
        // Things belong to people, and there is none here.
        ledger.ensure(wanted.target.details.is_none(), Refusal::DetailsNotGranted)?;
        let scopes = asked.filtered(|scope| resource.defines(scope));
        // A token for nothing would still open whatever asks for no more than a token.
        ledger.ensure(!scopes.is_empty(), Refusal::NothingAsked)?;
        Ok(Self { grant: None, resource, scopes, details: Vec::new() })
    }
}

/// The one resource the token is for (AT-04, RESIND-03): among those that may be had, in use, and byte for byte.
fn selected<'a>(
    resource: Option<&ResourceId>,
    wanted: Wanted<'a>,
    ledger: &mut Ledger,
) -> Result<&'a Resource, Refusal> {
    let found = resource.and_then(|id| wanted.facts.resources.iter().find(|resource| resource.id == *id));
    ledger.require(found.filter(|resource| resource.status == Status::Active), Refusal::TargetNotGranted)
}

/// RAR-06. What was given and taken back falls away, as with scopes. A resource may take a token without details for one that is not
/// held to any: it is issued only where it is what a request that names none would get.
fn narrowed(
    given: &[Detail],
    left: Vec<Detail>,
    wanted: Wanted<'_>,
    ledger: &mut Ledger,
) -> Result<Vec<Detail>, Refusal> {
    let Some(text) = &wanted.target.details else { return Ok(left) };
    let asked = details::parse(text, wanted.client, &wanted.facts.resources, ledger)?;
    let selected = ledger.require(details::narrow(given, &left, &asked), Refusal::DetailsNotGranted)?;
    ledger.ensure(!selected.is_empty() || left.is_empty(), Refusal::DetailsTakenBack)?;
    Ok(selected)
}

/// RESIND-04: what the resource defines, and the one scope that is about the grant as such.
fn tellable(scope: &Scope, resource: &Resource) -> bool {
    resource.defines(scope) || *scope == Scope::offline_access()
}

/// A refresh token to hand out with the access token. Each kind can be made in one place only.
pub(super) trait RefreshTokenToIssue {
    fn generation(&self) -> u32;
    fn secret(self, env: &mut Env<'_>) -> RefreshSecret;
}

/// The first of a family: only after PKCE.
pub(super) struct FirstRefreshToken(PkceVerified);

impl FirstRefreshToken {
    pub(super) fn after(verified: PkceVerified) -> Self {
        Self(verified)
    }
}

impl RefreshTokenToIssue for FirstRefreshToken {
    fn generation(&self) -> u32 {
        0
    }

    fn secret(self, env: &mut Env<'_>) -> RefreshSecret {
        RefreshSecret::first(env.random)
    }
}

/// The successor of a token that is spent, or whose successor is replaced, in the same commit (REFRESH-08).
pub(super) struct NextRefreshToken {
    generation: u32,
    secret: RefreshSecret,
}

impl NextRefreshToken {
    /// `live` is the token of the family that this one takes the place of: what is spent, or what is replaced.
    pub(super) fn after(live: &RefreshToken, secret: RefreshSecret) -> Self {
        Self { generation: live.generation.saturating_add(1), secret }
    }
}

impl RefreshTokenToIssue for NextRefreshToken {
    fn generation(&self) -> u32 {
        self.generation
    }

    fn secret(self, _: &mut Env<'_>) -> RefreshSecret {
        self.secret
    }
}

/// Issues to a client what its user granted.
pub(super) fn issue(
    share: Share<'_>,
    refresh: impl RefreshTokenToIssue,
    request: &Request<'_>,
    env: &mut Env<'_>,
    ledger: &mut Ledger,
) -> Result<Issued, Refusal> {
    let grant = ledger.require(share.grant, Refusal::CodeGrantGone)?;
    let client = request.client.client();
    ledger.if_answered(Change::UseGrant { grant: grant.id.clone(), narrowings: grant.narrowings, at: env.now });
    // REFRESH-01: only if the client registered for it.
    let refreshes = client.grant_types.contains(&GrantType::RefreshToken);
    let generation = refresh.generation();
    let secret = refreshes.then(|| refresh.secret(env));
    let mut issued = access_token(share, request, env, ledger);
    issued.refresh_token = secret.map(|RefreshSecret { token, family }| {
        let idle_end = env.now + env.settings.lifetimes.refresh_token_idle;
        ledger.if_answered(Change::AddRefreshToken(RefreshToken {
            hash: token.hash(),
            grant: grant.id.clone(),
            family,
            generation,
            issued_at: env.now,
            expires_at: idle_end.min(grant.expires_at),
            beside: Some(issued.named()),
            sent_to: Some(request.network.clone()),
            spending: Spending::Unspent,
        }));
        token
    });
    Ok(issued)
}

/// Issues to a client what is its own.
pub(super) fn issue_to_client(
    share: Share<'_>,
    request: &Request<'_>,
    env: &mut Env<'_>,
    ledger: &mut Ledger,
) -> Issued {
    access_token(share, request, env, ledger)
}

/// What stands before a client's id where it is its own subject: no user id begins so (TOKEN-11).
const CLIENT_SUBJECT_PREFIX: &str = "client:";

fn access_token(share: Share<'_>, request: &Request<'_>, env: &mut Env<'_>, ledger: &mut Ledger) -> Issued {
    let settings = env.settings;
    let client = request.client.client();
    let (grant, resource) = (share.grant, share.resource);
    let lifetime = resource.access_token_lifetime.unwrap_or(settings.lifetimes.access_token);
    let longest = env.now + lifetime;
    let expires_at = grant.map_or(longest, |grant| longest.min(grant.expires_at));
    let carried = share.scopes.filtered(|scope| resource.defines(scope));
    let claims = AccessTokenClaims {
        iss: settings.issuer.as_str().to_owned(),
        sub: grant
            .map_or_else(|| format!("{CLIENT_SUBJECT_PREFIX}{}", client.id), |grant| grant.user.as_str().to_owned()),
        aud: resource.id.as_str().to_owned(),
        client_id: client.id.as_str().to_owned(),
        exp: expires_at,
        iat: env.now,
        jti: AccessTokenId::of(grant.map(|grant| &grant.id), env.random).as_str().to_owned(),
        scope: (!carried.is_empty()).then(|| carried.to_string()),
        authorization_details: share.details.iter().map(details::to_json).collect(),
        auth_time: grant.map(|grant| grant.authenticated_at),
        acr: None,
    };
    let form = match resource.access_token_format {
        AccessTokenFormat::Jwt => {
            Form::Signed(client.access_token_algorithm.unwrap_or(settings.access_token_algorithm))
        }
        AccessTokenFormat::Opaque => {
            let token = Secret::random(env.random);
            ledger.if_answered(Change::AddAccessToken(OpaqueAccessToken {
                hash: token.hash(),
                grant: grant.map(|grant| grant.id.clone()),
                claims: claims.clone(),
            }));
            Form::Opaque(token)
        }
    };
    Issued {
        access_token: claims,
        form,
        expires_in: expires_at.since(env.now),
        refresh_token: None,
        scope: share.scopes,
        authorization_details: share.details,
        replaced_answers: 0,
    }
}
