//! The token endpoint (RFC 6749 §3.2). Owns the order of the checks and what is issued.
//!
//! Knows nothing of HTTP, storage or signing keys: see `server/src/http/token.rs`, `statements.rs`, [`mint`]. Start at
//! [`TokenRequest::decide`].

mod authorization_code;
mod client_credentials;
pub mod grant_type;
pub(crate) mod inspection;
mod issue;
pub mod mint;
pub mod pkce;
pub mod refresh_secret;
mod refresh_token;
mod request;

pub use issue::{Form, Issued};
pub use request::TokenRequest;

use crate::client_auth::{self, AuthenticatedClient};
use crate::endpoint::{Decision, Endpoint, Env, Ledger, Next};
use crate::facts::{Facts, Lookup};
use crate::names::Network;
use crate::records::Client;
use crate::refusals::Refusal;
use request::Asked;

impl Endpoint for TokenRequest {
    type Answer = Issued;

    fn lookup(&self) -> Lookup {
        let mut lookup = Lookup {
            client: Some(self.presented.client_id().clone()),
            attempts: vec![self.presented.attempt_key(&self.network)],
            ..Lookup::default()
        };
        match &self.asked {
            Asked::AuthorizationCode(asked) => lookup.code = Some(asked.code.hash()),
            Asked::RefreshToken(asked) => {
                lookup.refresh_token = Some(asked.refresh_token.hash());
                lookup.family = refresh_secret::family_of(&asked.refresh_token);
            }
            Asked::ClientCredentials(_) => {}
        }
        lookup
    }

    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<Issued> {
        Decision::reached_by(|ledger| Ok(self.judge(facts, env, ledger)?)).into()
    }
}

impl TokenRequest {
    /// The phases that every grant passes: authenticate, may this client use this grant at all, the grant itself, issue.
    fn judge(&self, facts: &Facts, env: &mut Env<'_>, ledger: &mut Ledger) -> Result<Issued, Refusal> {
        let client = client_auth::authenticate(&self.presented, &self.network, facts, ledger, env)?;
        let grant_type = self.asked.grant_type();
        ledger.ensure(client.client().grant_types.contains(&grant_type), Refusal::GrantTypeUnregistered)?;
        let request = Request { facts, target: &self.target, network: &self.network, client };
        match &self.asked {
            Asked::AuthorizationCode(asked) => authorization_code::judge(asked, &request, env, ledger),
            Asked::RefreshToken(asked) => refresh_token::judge(asked, &request, env, ledger),
            Asked::ClientCredentials(asked) => client_credentials::judge(asked, &request, env, ledger),
        }
    }
}

/// What every grant is given.
struct Request<'a> {
    facts: &'a Facts,
    target: &'a request::Target,
    network: &'a Network,
    client: AuthenticatedClient<'a>,
}

impl<'a> Request<'a> {
    fn wanted(&self) -> Wanted<'a> {
        Wanted { facts: self.facts, target: self.target, client: self.client.client() }
    }
}

/// What is wanted, and for which client: enough to judge, and not to issue, which takes a client that has proved itself.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    facts: &'a Facts,
    target: &'a request::Target,
    client: &'a Client,
}
