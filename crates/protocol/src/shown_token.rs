//! A client shows a token, to end it (RFC 7009) or to be told about it (RFC 7662): who asks, and which token is it?
//!
//! Owns finding a token of whatever kind among the facts. Does not know who may do what with it: see [`crate::revocation`] and
//! [`crate::introspection`]. Start at [`ShownToken::parse`] and [`ShownToken::find`].

use grantd_tokens::access_token::{self, AccessToken, Claimed};
use grantd_tokens::{AccessTokenClaims, Digest, Secret};

use crate::back_channel;
use crate::client_auth::{self, AuthenticatedClient, Presented};
use crate::endpoint::{Env, Ledger};
use crate::facts::{Facts, Lookup};
use crate::names::{AccessTokenId, ClientId, Network};
use crate::records::{Grant, RefreshToken};
use crate::refusals::Refusal;
use crate::token::refresh_secret;

/// Who shows what. Nothing of it is believed yet.
#[derive(Clone, Debug)]
pub(crate) struct ShownToken {
    presented: Presented,
    text: TokenText,
    network: Network,
}

/// Something that may be a token of this server.
#[derive(Clone, Debug)]
pub(crate) struct TokenText {
    token: Secret,
    /// What the token says of itself, if it is a signed one.
    claimed: Option<Claimed>,
}

/// A token of this server that is there, whether it is still good for anything or not.
pub(crate) enum Found<'a> {
    /// Signed by this server, or kept by it.
    Access(Box<AccessTokenClaims>),
    /// Of the family of this grant.
    Refresh {
        /// The grant.
        grant: &'a Grant,
        /// The token; none if it was spent so long ago that only its family is known.
        token: Option<&'a RefreshToken>,
    },
}

impl ShownToken {
    /// Reads a body of `application/x-www-form-urlencoded` and the value of an `Authorization` header.
    ///
    /// `token_type_hint` is not even read: every kind is looked for at once (INTRO-05, REVOKE-07).
    pub(crate) fn parse(
        query: Option<&[u8]>,
        authorization: Option<&[u8]>,
        body: &[u8],
        network: Network,
    ) -> Result<Self, Refusal> {
        let parameters = back_channel::parameters(query, body, &[])?;
        let presented = Presented::parse(authorization, &parameters)?;
        let token = parameters.get("token").ok_or(Refusal::ShownTokenMissing)?;
        Ok(Self { presented, text: TokenText::new(token), network })
    }

    pub(crate) fn caller(&self) -> &ClientId {
        self.presented.client_id()
    }

    pub(crate) fn lookup(&self) -> Lookup {
        Lookup {
            client: Some(self.caller().clone()),
            attempts: vec![self.presented.attempt_key(&self.network)],
            ..self.text.lookup()
        }
    }

    pub(crate) fn authenticate<'a>(
        &self,
        facts: &'a Facts,
        ledger: &mut Ledger,
        env: &Env<'_>,
    ) -> Result<AuthenticatedClient<'a>, Refusal> {
        client_auth::authenticate(&self.presented, &self.network, facts, ledger, env)
    }

    /// See [`TokenText::find`].
    pub(crate) fn find<'a>(&self, facts: &'a Facts, env: &Env<'_>) -> Option<Found<'a>> {
        self.text.find(facts, env)
    }
}

impl TokenText {
    pub(crate) fn new(text: &str) -> Self {
        Self { claimed: access_token::claimed(text), token: Secret::new(text) }
    }

    pub(crate) fn digest(&self) -> Digest {
        self.token.hash()
    }

    pub(crate) fn lookup(&self) -> Lookup {
        let digest = self.digest();
        Lookup {
            refresh_token: Some(digest),
            family: refresh_secret::family_of(&self.token),
            access_token: Some(digest),
            access_token_id: self.claimed.as_ref().map(|claimed| AccessTokenId::new(claimed.jti.clone())),
            holder: self.claimed.as_ref().map(|claimed| ClientId::new(claimed.client_id.clone())),
            ..Lookup::default()
        }
    }

    /// Which token it is, if this server ever made it. Of a signed one the signature is checked here.
    ///
    /// Does not check whether it has expired or ended.
    pub(crate) fn find<'a>(&self, facts: &'a Facts, env: &Env<'_>) -> Option<Found<'a>> {
        if let Some(claimed) = &self.claimed {
            let token = access_token::verify_own(self.token.expose(), env.keys, env.settings.issuer.as_str()).ok()?;
            // What was looked up is what was verified.
            let same = token.jti == claimed.jti && token.client_id == claimed.client_id;
            return said_by(token).filter(|_| same).map(|token| Found::Access(Box::new(token)));
        }
        let digest = self.token.hash();
        if let Some(token) = facts.refresh_token.as_ref().filter(|token| token.hash == digest) {
            let grant = facts.grant.as_ref().filter(|grant| grant.id == token.grant)?;
            return Some(Found::Refresh { grant, token: Some(token) });
        }
        if let Some(token) = facts.access_token.as_ref().filter(|token| token.hash == digest) {
            return Some(Found::Access(Box::new(token.claims.clone())));
        }
        // The grant was found by the family, for there is nothing else that it could have been found by.
        let grant = refresh_secret::family_of(&self.token).and(facts.grant.as_ref())?;
        Some(Found::Refresh { grant, token: None })
    }
}

/// What a signed token says, as it was issued: for one resource (AT-04).
fn said_by(token: AccessToken) -> Option<AccessTokenClaims> {
    let mut audience = token.aud.into_iter();
    let (aud, None) = (audience.next()?, audience.next()) else { return None };
    Some(AccessTokenClaims {
        iss: token.iss,
        sub: token.sub,
        aud,
        client_id: token.client_id,
        exp: token.exp,
        iat: token.iat,
        jti: token.jti,
        scope: (!token.scopes.is_empty()).then(|| token.scopes.join(" ")),
        authorization_details: token.authorization_details,
        auth_time: token.auth_time,
        acr: token.acr,
    })
}
