//! An operator looks at a token: what is it, and would it be accepted now?
//!
//! Owns no rule: asks the endpoints what they would say, by their own checks, and writes nothing. What the client would have to prove
//! is taken as proved. Not an endpoint: nobody reaches this but who can read the database. Start at [`Inspection::of`].

use grantd_tokens::AccessTokenClaims;

use crate::endpoint::{Checks, Decision, Env, Ledger};
use crate::facts::{Facts, Lookup};
use crate::introspection::still_good;
use crate::names::{AccessTokenId, ClientId, GrantId};
use crate::records::Code;
use crate::refusals::Refusal;
use crate::shown_token::{Found, TokenText};
use crate::token::inspection::{of_code, of_refresh_token};

pub use crate::token::inspection::Use;

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Inspection(Subject);

#[derive(Clone, Debug)]
enum Subject {
    /// A text that was shown.
    Text(TokenText),
    /// An access token of which the server knows what it says.
    Claims(Box<AccessTokenClaims>),
}

/// What it turned out to be.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// Which kind.
    pub kind: TokenKind,
    /// What it hangs on; none for a client's own.
    pub grant: Option<GrantId>,
    /// What it would be taken for now, or why it would be refused. The refusal is for the operator: the caller is told less.
    pub verdict: Result<Use, Refusal>,
    /// The checks that led there, in order.
    pub checks: Checks,
    /// Whether showing it where it belongs would end the grant: it was used before.
    pub would_end_the_grant: bool,
}

/// The kinds of tokens.
#[derive(Clone, Debug)]
pub enum TokenKind {
    /// As it was issued. What was taken back since may no longer be in it.
    AccessToken(Box<AccessTokenClaims>),
    /// Its generation; none if it was spent so long ago that only its family is known.
    RefreshToken(Option<u32>),
    /// An authorization code.
    Code(Box<Code>),
}

impl Inspection {
    /// Of a token as it was handed out.
    pub fn of(text: &str) -> Self {
        Self(Subject::Text(TokenText::new(text)))
    }

    /// Of an access token that is known by name.
    pub fn of_claims(claims: AccessTokenClaims) -> Self {
        Self(Subject::Claims(Box::new(claims)))
    }

    /// What must be known. The second time with the client that the first time found: see [`Inspection::client`].
    pub fn lookup(&self, client: Option<ClientId>) -> Lookup {
        match &self.0 {
            Subject::Text(text) => Lookup { client, code: Some(text.digest()), ..text.lookup() },
            Subject::Claims(claims) => Lookup {
                client,
                access_token_id: Some(AccessTokenId::new(claims.jti.clone())),
                holder: Some(ClientId::new(claims.client_id.clone())),
                ..Lookup::default()
            },
        }
    }

    /// Whose the token is, for the next lookup.
    pub fn client(facts: &Facts) -> Option<ClientId> {
        let of_grant = facts.grant.as_ref().map(|grant| grant.client.clone());
        of_grant.or_else(|| facts.holder.as_ref().map(|client| client.id.clone()))
    }

    /// What would be said of it. `None` if it is no token of this server, or one of which nothing is kept.
    pub fn inspect(&self, facts: &Facts, env: &Env<'_>) -> Option<Inspected> {
        let text = match &self.0 {
            Subject::Claims(claims) => return Some(of_access_token(claims.as_ref().clone(), facts, env)),
            Subject::Text(text) => text,
        };
        let grant = facts.grant.as_ref().map(|grant| grant.id.clone());
        if let Some(code) = facts.code.as_ref().filter(|code| code.hash == text.digest()) {
            let kind = TokenKind::Code(Box::new(code.clone()));
            return Some(inspected(kind, grant, |ledger| of_code(code, facts, env, ledger).map(|()| Use::First)));
        }
        Some(match text.find(facts, env)? {
            Found::Access(claims) => of_access_token(*claims, facts, env),
            Found::Refresh { token, .. } => {
                let kind = TokenKind::RefreshToken(token.map(|token| token.generation));
                inspected(kind, grant, |ledger| of_refresh_token(facts, env, ledger))
            }
        })
    }
}

/// As a resource server would be told that the token is meant for.
fn of_access_token(claims: AccessTokenClaims, facts: &Facts, env: &Env<'_>) -> Inspected {
    let grant = AccessTokenId::new(claims.jti.clone()).grant();
    let kind = TokenKind::AccessToken(Box::new(claims.clone()));
    inspected(kind, grant, |ledger| still_good(claims, facts, env, ledger).map(|_| Use::First))
}

fn inspected(
    kind: TokenKind,
    grant: Option<GrantId>,
    judge: impl FnOnce(&mut Ledger) -> Result<Use, Refusal>,
) -> Inspected {
    let decision = Decision::reached_by(|ledger| Ok(judge(ledger)?));
    // Of a refusal these are what it takes away; of an acceptance there are none, for nothing is issued here.
    let would_end_the_grant = !decision.changes.is_empty();
    let verdict = decision.answer.map_err(|refused| refused.refusal);
    Inspected { kind, grant, verdict, checks: decision.checks, would_end_the_grant }
}
