//! A new secret for a client, without a moment in which it has none (CAUTH-07).

use grantd_tokens::{Random, Seconds, Secret, Time};

use crate::records::{Client, ClientAuthentication, ClientSecret};

/// Gives the client a new secret, and returns it: the only time it can be shown (ADMIN-04).
///
/// The newest of the old ones is accepted for `grace` more, or until its own end if that comes first; older ones end now, so
/// that two are live at most. `None` for a public client, which has no secret.
pub fn rotate_secret(client: &mut Client, now: Time, grace: Seconds, random: &mut dyn Random) -> Option<Secret> {
    let secrets = match &mut client.authentication {
        ClientAuthentication::None => return None,
        ClientAuthentication::ClientSecretBasic { secrets } | ClientAuthentication::ClientSecretPost { secrets } => {
            secrets
        }
    };
    let last = now + grace;
    let newest = secrets.iter().filter(|secret| secret.expires_at.is_none_or(|end| !now.is_past(end)));
    let replaced = newest.max_by_key(|secret| secret.expires_at.unwrap_or(Time(i64::MAX)));
    let replaced = replaced
        .map(|secret| ClientSecret {
            hash: secret.hash,
            expires_at: Some(secret.expires_at.map_or(last, |end| end.min(last))),
        })
        .filter(|secret| grace.0 > 0 && secret.expires_at.is_some_and(|end| !now.is_past(end)));
    let new = Secret::random(random);
    *secrets = replaced.into_iter().chain([ClientSecret { hash: new.hash(), expires_at: None }]).collect();
    Some(new)
}
