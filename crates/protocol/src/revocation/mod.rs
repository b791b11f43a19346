//! The revocation endpoint (RFC 7009). Owns what a client may end, and what ends with it (REVOKE-04):
//!
//! - A refresh token given back ends its grant, with every token under it: the client wants to be done.
//! - An access token given back ends alone. The grant stays, and its refresh token trades for another one.
//!
//! Knows nothing of HTTP. Start at [`RevocationRequest::decide`].

use grantd_tokens::AccessTokenClaims;

use crate::changes::Change;
use crate::endpoint::{Decision, Endpoint, Env, Ledger, Next};
use crate::events::{EventKind, Note};
use crate::facts::{Facts, Lookup};
use crate::names::{AccessTokenId, ClientId, Network};
use crate::records::{Client, Grant, GrantState, IssuedAccessToken, Revocation};
use crate::refusals::Refusal;
use crate::shown_token::{Found, ShownToken};

/// A client gives a token back.
#[derive(Clone, Debug)]
pub struct RevocationRequest(ShownToken);

impl RevocationRequest {
    /// Reads a body of `application/x-www-form-urlencoded` and the value of an `Authorization` header (REVOKE-01).
    pub fn parse(
        query: Option<&[u8]>,
        authorization: Option<&[u8]>,
        body: &[u8],
        network: Network,
    ) -> Result<Self, Refusal> {
        ShownToken::parse(query, authorization, body, network).map(Self)
    }
}

impl Endpoint for RevocationRequest {
    /// Whether there was anything to end is not told: what matters to the client is that it is over (RFC 7009 §2.2).
    type Answer = ();

    fn lookup(&self) -> Lookup {
        self.0.lookup()
    }

    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<()> {
        Decision::reached_by(|ledger| Ok(self.judge(facts, env, ledger)?)).into()
    }
}

impl RevocationRequest {
    fn judge(&self, facts: &Facts, env: &mut Env<'_>, ledger: &mut Ledger) -> Result<(), Refusal> {
        let client = self.0.authenticate(facts, ledger, env)?.client();
        match self.0.find(facts, env) {
            None => {}
            Some(Found::Refresh { grant, .. }) if grant.client == client.id => end_grant(grant, env, ledger),
            Some(Found::Refresh { grant, .. }) => {
                ledger.note(anothers("refresh token", client).about(grant));
            }
            Some(Found::Access(token)) if token.client_id == client.id.as_str() => end_token(*token, env, ledger),
            Some(Found::Access(token)) => {
                let mut note = anothers("access token", client).with("jti", token.jti.clone());
                note.client = Some(ClientId::new(token.client_id));
                note.grant = AccessTokenId::new(token.jti).grant();
                ledger.note(note);
            }
        }
        Ok(())
    }
}

/// Also by a token that was spent before: whoever gives it back wants no more of it, and there is nothing to gain by it.
fn end_grant(grant: &Grant, env: &Env<'_>, ledger: &mut Ledger) {
    if grant.state == GrantState::Standing {
        let because = Revocation::GivenBack;
        ledger.if_answered(Change::RevokeGrant { grant: grant.id.clone(), at: env.now, because });
    }
}

fn end_token(token: AccessTokenClaims, env: &Env<'_>, ledger: &mut Ledger) {
    if !env.now.is_past(token.exp) {
        let token = IssuedAccessToken { id: AccessTokenId::new(token.jti), expires_at: token.exp };
        ledger.if_answered(Change::EndAccessToken { token, at: env.now });
    }
}

/// REVOKE-02: it is not theirs to end, and they learn nothing; the operator does.
fn anothers(kind: &str, caller: &Client) -> Note {
    Note::new(EventKind::RevocationOfAnothersToken).with("token", kind).with("tried_by", caller.id.as_str())
}
