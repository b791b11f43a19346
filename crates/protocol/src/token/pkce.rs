//! Proof Key for Code Exchange (RFC 7636): who redeems the code is who asked for it.
//!
//! The method is S256 by type; `plain` is never parsed (NEVER-03).

use grantd_tokens::{Digest, Secret};
use serde::{Deserialize, Serialize};

use crate::changes::Change;
use crate::endpoint::Ledger;
use crate::records::{Code, Redemption};
use crate::refusals::Refusal;

/// The methods offered. Metadata is made from this list (PKCE-07).
pub const METHODS: &[&str] = &["S256"];

/// `code_challenge` under S256: the SHA-256 of the verifier (RFC 7636 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge(Digest);

impl CodeChallenge {
    /// Reads exactly 43 base64url characters without padding (PKCE-02).
    pub fn parse(text: &str) -> Option<Self> {
        Digest::parse(text).map(Self)
    }
}

/// The verifier fitted. Made by [`verify`] alone.
#[derive(Clone, Copy, Debug)]
pub struct PkceVerified(());

/// Holds the verifier of a token request against the challenge of the code (RFC 7636 §4.6), in constant time.
///
/// A verifier that does not fit leaves the code to its owner but counts; after five the code is spent (CODE-09).
pub fn verify(verifier: Option<&Secret>, code: &Code, limit: u8, ledger: &mut Ledger) -> Result<PkceVerified, Refusal> {
    not_guessed_at(code, limit, ledger)?;
    let verifier = ledger.require(verifier, Refusal::VerifierMissing)?;
    let judged = ledger
        .ensure(is_verifier(verifier.expose()), Refusal::VerifierMalformed)
        .and_then(|()| ledger.ensure(verifier.hash().matches(&code.code_challenge.0), Refusal::VerifierWrong));
    if judged.is_err() {
        ledger.always(Change::CountWrongVerifier { code: code.hash });
    }
    judged.map(|()| PkceVerified(()))
}

/// Wrong verifiers spend a code that waits. One that was redeemed has nothing left to guess at, and whoever shows it again with its
/// verifier must be heard: of the two, one is a thief (CODE-04).
pub(super) fn not_guessed_at(code: &Code, limit: u8, ledger: &mut Ledger) -> Result<(), Refusal> {
    let guessed_at = code.redemption == Redemption::Pending && code.wrong_verifiers >= limit;
    ledger.ensure(!guessed_at, Refusal::CodeGuessedAt)
}

/// RFC 7636 §4.1: 43 to 128 unreserved characters.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}
