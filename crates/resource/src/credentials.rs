//! Takes the bearer token out of a request (RFC 6750 §2.1), and knows no other way to bring one.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Uri};
use grantd_tokens::Secret;

/// Why a request brings no usable token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NoToken {
    /// No `Authorization` header, or one of another scheme. A token in the query or in a cookie is no credential
    /// (NEVER-05).
    Absent,
    /// More than one `Authorization` header (RS-05).
    Repeated,
    /// A second token in the query (RS-02, RFC 6750 §3.1).
    AlsoInQuery,
    /// `Bearer` without a token, or with something that is not `token68` (RFC 9110 §11.2).
    NotToken68,
}

/// The token of the one `Authorization: Bearer` header. Says nothing about what the token is worth.
pub(crate) fn bearer_token(headers: &HeaderMap, uri: &Uri) -> Result<Secret, NoToken> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(NoToken::Absent)?;
    if values.next().is_some() {
        return Err(NoToken::Repeated);
    }
    let value = value.as_bytes();
    let (scheme, rest) = match value.iter().position(|byte| *byte == b' ') {
        Some(space) => value.split_at(space),
        None => (value, &[][..]),
    };
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Err(NoToken::Absent);
    }
    let token = rest.trim_ascii_start();
    if !is_token68(token) {
        return Err(NoToken::NotToken68);
    }
    if has_access_token(uri.query().unwrap_or_default()) {
        return Err(NoToken::AlsoInQuery);
    }
    std::str::from_utf8(token).map(Secret::new).map_err(|_| NoToken::NotToken68)
}

/// RFC 9110 §11.2: letters, digits and `-._~+/`, at least one, then any number of `=`.
fn is_token68(token: &[u8]) -> bool {
    let length = token.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    length > 0 && token.iter().take(length).all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
}

fn has_access_token(query: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some("access_token"))
}
