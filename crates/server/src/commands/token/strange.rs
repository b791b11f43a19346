//! A text that is no token of this server: what it looks like, and what is wrong with it. Says nothing that stands in it but the
//! names of keys and issuers.

use grantd_protocol::refusals::Refusal;
use grantd_tokens::access_token::{AccessTokenError, verify_own};
use grantd_tokens::{JwkSet, Time};

use crate::commands::console::date;
use crate::commands::failure::Failure;
use crate::commands::workplace::Workplace;

/// What can be said of it.
pub(super) struct Strange {
    pub(super) kind: String,
    pub(super) why: String,
    /// Rule, refusal and section.
    pub(super) rule: Option<(&'static str, &'static str, &'static str)>,
}

pub(super) async fn what_is(at: &Workplace, text: &str, keys: &JwkSet) -> Result<Strange, Failure> {
    // A compact JWT, or what is left of one: base64url of `{"`.
    let (kind, why) = if text.starts_with("eyJ") || text.matches('.').count() == 2 {
        ("signed token", of_jwt(at, text, keys).await?)
    } else {
        ("unknown", of_opaque(text))
    };
    let unknown = Refusal::ShownTokenUnknown;
    let rule = Some((unknown.rule(), unknown.name(), unknown.section()));
    Ok(Strange { kind: kind.to_owned(), why, rule })
}

async fn of_jwt(at: &Workplace, text: &str, keys: &JwkSet) -> Result<String, Failure> {
    let Err(fault) = verify_own(text, keys, at.issuer().as_str()) else {
        return Ok("it is signed by this server, and yet no access token that it issues".to_owned());
    };
    Ok(match fault {
        AccessTokenError::UnknownKey { kid } => unknown_key(at, &kid).await?,
        AccessTokenError::BadSignature => {
            "its signature does not fit the key that it names: it was changed or cut, or somebody made it up".to_owned()
        }
        AccessTokenError::WrongIssuer { found, .. } => {
            format!("it is from another issuer, {found:?}; this one is {:?}", at.issuer().as_str())
        }
        other => other.to_string(),
    })
}

async fn unknown_key(at: &Workplace, kid: &str) -> Result<String, Failure> {
    let removed = at.store.removed_keys(at.issuer(), Time(0)).await?;
    Ok(match removed.iter().find(|key| key.kid == kid) {
        Some(key) => format!("it is signed with the key {kid}, which was removed {} (KEYS-03)", date(key.at)),
        None => format!(
            "it is signed with the key {kid:?}, which is not one of this server: it is from another issuer, or the key was deleted long \
             after its last token had expired"
        ),
    })
}

fn of_opaque(text: &str) -> String {
    let is_base64url = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_base64url {
        return "no token of this server has such characters: was more copied than the token?".to_owned();
    }
    match text.len() {
        OPAQUE => "it looks like an opaque access token, a code or a grant's id, but is none that is kept: it has expired and was \
                   swept, was mangled, or is of another server"
            .to_owned(),
        REFRESH => "it looks like a refresh token, but is none that is kept: its grant has expired and was swept, a character was \
                    changed, or it is of another server"
            .to_owned(),
        chars => format!(
            "it has {chars} characters; an opaque access token or a code has {OPAQUE}, a refresh token {REFRESH}: was it cut, or was \
             more copied?"
        ),
    }
}

/// 256 bits in base64url.
const OPAQUE: usize = 43;
/// `grantd_protocol::token::refresh_secret`: family, own part and seal.
const REFRESH: usize = 22 + 43 + 11;
