//! What the operator is told of every decision (LOG-04): names, rule ids and record ids, never a secret (LOG-01).

use grantd_protocol::changes::Change;
use grantd_protocol::endpoint::{Checks, Refused};
use grantd_protocol::facts::Facts;
use grantd_protocol::records::Revocation;
use grantd_protocol::refusals::Refusal;

/// One line for a refusal, and one for each change that an operator would want to know of.
pub fn tell(changes: &[Change], refused: Option<&Refused>, checks: &Checks, facts: &Facts) {
    for (event, subject) in changes.iter().filter_map(security_event) {
        let client = facts.client.as_ref().map(|client| client.id.as_str());
        tracing::info!(event, subject, client, "security event");
    }
    if let Some(refused) = refused {
        let refusal = refused.refusal;
        let evidence = refused.evidence.as_ref();
        tracing::info!(
            event = event_of(refusal),
            refusal = refusal.name(),
            rule = refusal.rule(),
            client = facts.client.as_ref().map(|client| client.id.as_str()),
            checks_passed = checks.iter().count().saturating_sub(1),
            parameter = evidence.map(|evidence| evidence.what),
            sent = evidence.map(|evidence| evidence.sent.as_str()),
            accepted = evidence.map(|evidence| evidence.accepted.join(" ")),
            "refused: {}",
            refusal.says()
        );
    }
}

/// The event's name and whom it is about: an id that opens nothing (LOG-05).
fn security_event(change: &Change) -> Option<(&'static str, &str)> {
    Some(match change {
        Change::AddSession { session, .. } => ("signed_in", session.user.as_str()),
        Change::EndSession { .. } => ("signed_out", ""),
        Change::AddGrant(grant) => ("granted", grant.id.as_str()),
        Change::KeepConsent(consent) => ("consent_given", consent.user.as_str()),
        Change::RevokeGrant { grant, because: Revocation::CodeReplayed, .. } => ("code_replayed", grant.as_str()),
        Change::RevokeGrant { grant, because: Revocation::RefreshTokenReused, .. } => {
            ("refresh_token_reused", grant.as_str())
        }
        Change::RevokeGrant { grant, .. } => ("grant_revoked", grant.as_str()),
        _ => return None,
    })
}

fn event_of(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::SignInFailed => "sign_in_failed",
        Refusal::SignInThrottled | Refusal::ClientThrottled => "throttled",
        Refusal::WrongSecret | Refusal::WrongMethod | Refusal::NoSuchClient | Refusal::SecretReplaced => {
            "client_authentication_failed"
        }
        Refusal::UserDenied => "consent_denied",
        _ => "refused",
    }
}
