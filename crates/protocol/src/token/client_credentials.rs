//! `grant_type=client_credentials` (RFC 6749 §4.4): the client for itself, without a user.

use super::Request;
use super::issue::{Issued, Share, issue_to_client};
use super::request::ClientCredentials;
use crate::endpoint::{Env, Ledger};
use crate::refusals::Refusal;

/// For confidential clients only; no refresh token (TOKEN-11).
pub(super) fn judge(
    asked: &ClientCredentials,
    request: &Request<'_>,
    env: &mut Env<'_>,
    ledger: &mut Ledger,
) -> Result<Issued, Refusal> {
    ledger.ensure(request.client.is_confidential(), Refusal::PublicClientAlone)?;
    let share = Share::of_client(asked.scope.as_ref(), request.wanted(), ledger)?;
    Ok(issue_to_client(share, request, env, ledger))
}
