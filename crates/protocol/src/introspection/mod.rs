//! The introspection endpoint (RFC 7662): a resource server asks whether a token is good, and what it is good for.
//!
//! Owns when a token is active, and who is told. Why one is not is for the operator alone: the caller cannot tell a token
//! that ended from one that never was (INTRO-03). Knows nothing of HTTP. Start at [`IntrospectionRequest::decide`].

mod access_token;
mod answer;
mod refresh_token;

pub(crate) use access_token::still_good;
pub use answer::{Active, Introspected};

use crate::endpoint::{Decision, Endpoint, Env, Ledger, Next};
use crate::facts::{Facts, Lookup};
use crate::names::{ClientId, Network};
use crate::records::Client;
use crate::refusals::Refusal;
use crate::shown_token::{Found, ShownToken};

/// Somebody asks about a token.
#[derive(Clone, Debug)]
pub struct IntrospectionRequest(ShownToken);

impl IntrospectionRequest {
    /// Reads a body of `application/x-www-form-urlencoded` and the value of an `Authorization` header (INTRO-01).
    pub fn parse(
        query: Option<&[u8]>,
        authorization: Option<&[u8]>,
        body: &[u8],
        network: Network,
    ) -> Result<Self, Refusal> {
        ShownToken::parse(query, authorization, body, network).map(Self)
    }

    /// Who says that they ask. Who they are is known once the request was answered.
    pub fn caller(&self) -> &ClientId {
        self.0.caller()
    }
}

impl Endpoint for IntrospectionRequest {
    type Answer = Introspected;

    fn lookup(&self) -> Lookup {
        self.0.lookup()
    }

    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<Introspected> {
        Decision::reached_by(|ledger| Ok(self.judge(facts, env, ledger)?)).into()
    }
}

impl IntrospectionRequest {
    /// First who asks, which may be refused; then the token, which is active or is not.
    fn judge(&self, facts: &Facts, env: &mut Env<'_>, ledger: &mut Ledger) -> Result<Introspected, Refusal> {
        let caller = self.0.authenticate(facts, ledger, env)?;
        ledger.ensure(caller.is_confidential(), Refusal::IntrospectionByPublicClient)?;
        let judged = self.judge_token(caller.client(), facts, env, ledger);
        Ok(judged.map_or_else(Introspected::Inactive, |active| Introspected::Active(Box::new(active))))
    }

    fn judge_token(
        &self,
        caller: &Client,
        facts: &Facts,
        env: &Env<'_>,
        ledger: &mut Ledger,
    ) -> Result<Active, Refusal> {
        match ledger.require(self.0.find(facts, env), Refusal::ShownTokenUnknown)? {
            Found::Access(token) => access_token::judge(*token, caller, facts, env, ledger),
            Found::Refresh { grant, token } => {
                // INTRO-08, and before anything else is looked at: nobody but its client learns a thing about it.
                ledger.ensure(grant.client == caller.id, Refusal::RefreshTokenShownByAnother)?;
                let token = ledger.require(token, Refusal::RefreshTokenSpent)?;
                refresh_token::judge(token, grant, facts, env, ledger)
            }
        }
    }
}
