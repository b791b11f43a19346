//! What a refusal means to an operator, who may know more than the caller is told.

use grantd_protocol::refusals::Refusal;

/// In a sentence. What can never stop an inspection says what the caller would be told.
pub(super) fn meaning(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NoSuchClient => "its client is not registered any more",
        Refusal::ClientDisabled => "its client is disabled",
        Refusal::GrantTypeUnregistered => "its client is not registered for this grant_type any more",
        Refusal::CodeGuessedAt => "too many verifiers that did not fit were tried on it",
        Refusal::CodeReplayed => "it was redeemed before",
        Refusal::CodeExpired | Refusal::AccessTokenExpired => "it has expired",
        Refusal::RedirectUriWithdrawn => "its client no longer has the redirect URI that it was sent to",
        Refusal::CodeGrantGone | Refusal::RefreshGrantGone | Refusal::AccessTokenGrantGone => {
            "its grant does not stand"
        }
        Refusal::CodeUserGone | Refusal::RefreshUserGone | Refusal::AccessTokenUserGone => {
            "its user is disabled or was removed"
        }
        Refusal::CodeSessionEnded | Refusal::RefreshSessionEnded => "the session in which it was granted has ended",
        Refusal::RefreshTokenReused => "it was spent before, so whoever shows it again may be a thief",
        Refusal::RefreshRetriedTooOften => "it was shown too often within a few seconds",
        Refusal::RefreshTokenIdle => "it was not used for too long",
        Refusal::RefreshGrantEnded => "its grant has reached its absolute end",
        Refusal::NothingLeft => "nothing of what was granted may still be given to its client",
        Refusal::TargetNotGranted => {
            "the resource is not registered or not in use any more, or its client may not ask for it"
        }
        Refusal::AccessTokenNotYetValid => "it was issued in the future: clocks differ",
        Refusal::AccessTokenEnded => "it was ended before its time, alone or with all that its client held for itself",
        Refusal::AccessTokenClientGone => "its client is disabled or was removed",
        Refusal::AccessTokenTakenBack => "nothing of what it says is granted any more",
        other => other.says(),
    }
}

/// Whether why the grant ended explains it.
pub(super) fn is_about_the_grant(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::CodeGrantGone
            | Refusal::RefreshGrantGone
            | Refusal::AccessTokenGrantGone
            | Refusal::CodeReplayed
            | Refusal::CodeUserGone
            | Refusal::CodeSessionEnded
    )
}
