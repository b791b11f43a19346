//! Client authentication (RFC 6749 §2.3): who is the client, and how does it show it?
//!
//! Owns the methods and the one way to an [`AuthenticatedClient`]. Does not know what the client wants; every endpoint of
//! the back channel passes here first (CAUTH-23). Start at [`Presented::parse`] and [`authenticate`].

mod client_secret_basic;

use grantd_tokens::{Digest, Secret, Time};

use crate::changes::Change;
use crate::endpoint::{Env, Ledger};
use crate::facts::Facts;
use crate::names::{ClientId, Network};
use crate::parameters::Parameters;
use crate::records::{AttemptKey, Client, ClientAuthentication, ClientSecret, Status};
use crate::refusals::Refusal;

/// The methods offered, by their registered names. Metadata is made from this list (META-03).
pub const METHODS: &[&str] = &["client_secret_basic", "client_secret_post", "none"];

/// Those by which a client shows that it is itself: for endpoints that a client which is merely named may not use.
pub const CONFIDENTIAL_METHODS: &[&str] = &["client_secret_basic", "client_secret_post"];

/// What a request presented. Parsed, not believed.
#[derive(Clone, Debug)]
pub struct Presented {
    client: ClientId,
    proof: Proof,
}

#[derive(Clone, Debug)]
enum Proof {
    None,
    Basic(Secret),
    Post(Secret),
}

impl Presented {
    /// Finds the one method the request used (CAUTH-02). `authorization` is the value of that header, if there was one.
    ///
    /// Does not check that the client exists, nor that the method is the registered one.
    pub fn parse(authorization: Option<&[u8]>, body: &Parameters) -> Result<Self, Refusal> {
        let named = body.get("client_id").map(ClientId::new);
        let posted = body.get("client_secret").map(Secret::new);
        // Not offered, and yet a method: it is not passed over beside another, which would say that it counted.
        let asserted = body.get("client_assertion").is_some() || body.get("client_assertion_type").is_some();
        if asserted && (authorization.is_some() || posted.is_some()) {
            return Err(Refusal::SeveralMethods);
        }
        match (authorization, posted) {
            (Some(_), Some(_)) => Err(Refusal::SeveralMethods),
            (Some(header), None) => {
                let (client, secret) = client_secret_basic::parse(header)?;
                match named {
                    Some(named) if named != client => Err(Refusal::ClientIdsDiffer),
                    _ => Ok(Self { client, proof: Proof::Basic(secret) }),
                }
            }
            (None, Some(secret)) => {
                Ok(Self { client: named.ok_or(Refusal::CredentialsMissing)?, proof: Proof::Post(secret) })
            }
            (None, None) => Ok(Self { client: named.ok_or(Refusal::CredentialsMissing)?, proof: Proof::None }),
        }
    }

    /// Who the request says it is.
    pub fn client_id(&self) -> &ClientId {
        &self.client
    }

    /// What wrong secrets of this client from this network are counted by (CAUTH-08).
    pub fn attempt_key(&self, network: &Network) -> AttemptKey {
        AttemptKey::ClientFrom(self.client.clone(), network.clone())
    }
}

/// A client that showed it is itself, by the method it is registered with. Made by [`authenticate`] alone.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticatedClient<'a> {
    client: &'a Client,
}

impl<'a> AuthenticatedClient<'a> {
    /// The client.
    pub fn client(&self) -> &'a Client {
        self.client
    }

    /// Whether it proved anything, or is merely named.
    pub fn is_confidential(&self) -> bool {
        self.client.authentication.is_confidential()
    }
}

/// The only way to an [`AuthenticatedClient`]. Changes nothing about any grant, whatever comes of it (TOKEN-07).
///
/// A wrong secret is counted per client and network; when too many were wrong, the right one waits, too (CAUTH-08), but
/// only from there and only until the window has passed.
pub fn authenticate<'a>(
    presented: &Presented,
    network: &Network,
    facts: &'a Facts,
    ledger: &mut Ledger,
    env: &Env<'_>,
) -> Result<AuthenticatedClient<'a>, Refusal> {
    let limits = &env.settings.limits;
    let key = presented.attempt_key(network);
    let counted = facts.attempts.iter().find(|attempts| attempts.key == key);
    let wrong = counted.filter(|attempts| env.now.since(attempts.since) < limits.attempt_window);
    ledger.ensure(wrong.is_none_or(|attempts| attempts.count < limits.wrong_secrets), Refusal::ClientThrottled)?;

    let client = facts.client.as_ref().filter(|client| client.id == presented.client);
    let judged = judge(presented, client, ledger, env.now);
    if judged == Err(Refusal::WrongSecret) {
        ledger.always(Change::CountAttempt {
            key,
            at: env.now,
            window: limits.attempt_window,
            limit: limits.wrong_secrets,
            or: Refusal::ClientThrottled,
        });
    }
    judged?;
    let client = client.ok_or(Refusal::NoSuchClient)?;
    Ok(AuthenticatedClient { client })
}

fn judge(presented: &Presented, client: Option<&Client>, ledger: &mut Ledger, now: Time) -> Result<(), Refusal> {
    // An unknown client costs the same comparison as a known one (CAUTH-06).
    let none = [ClientSecret { hash: Digest::of(b"no such client"), expires_at: None }];
    let secrets: &[ClientSecret] = match client.map(|client| &client.authentication) {
        Some(
            ClientAuthentication::ClientSecretBasic { secrets } | ClientAuthentication::ClientSecretPost { secrets },
        ) => secrets,
        Some(ClientAuthentication::None) | None => &none,
    };
    let fitting = match &presented.proof {
        Proof::None => None,
        Proof::Basic(secret) | Proof::Post(secret) => matching(secrets, secret),
    };

    let client = ledger.require(client, Refusal::NoSuchClient)?;
    ledger.ensure(client.status == Status::Active, Refusal::ClientDisabled)?;
    ledger.ensure(presented.proof.is_of(&client.authentication), Refusal::WrongMethod)?;
    if client.authentication.is_confidential() {
        let secret = ledger.require(fitting, Refusal::WrongSecret)?;
        let replaced = secret.expires_at.is_some_and(|expiry| now.is_past(expiry));
        ledger.ensure(!replaced, Refusal::SecretReplaced)?;
    }
    Ok(())
}

impl Proof {
    fn is_of(&self, registered: &ClientAuthentication) -> bool {
        matches!(
            (self, registered),
            (Self::None, ClientAuthentication::None)
                | (Self::Basic(_), ClientAuthentication::ClientSecretBasic { .. })
                | (Self::Post(_), ClientAuthentication::ClientSecretPost { .. })
        )
    }
}

/// Compares with every secret, whichever fits, so that the time does not tell which (KEYS-15).
fn matching<'a>(secrets: &'a [ClientSecret], presented: &Secret) -> Option<&'a ClientSecret> {
    let hash = presented.hash();
    secrets.iter().fold(None, |found, secret| if secret.hash.matches(&hash) { Some(secret) } else { found })
}
