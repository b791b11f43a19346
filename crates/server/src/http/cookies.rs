//! The server's two cookies: read strictly, written one way (SESS-01, SESS-24, SESS-25).
//!
//! Owns names, attributes and the shape of values. Does not own what a value means: its digest is looked up elsewhere.

use grantd_tokens::secret::Secret;
use http::header::{COOKIE, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::Transport;

/// What a cookie is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieKind {
    /// The browser's login session.
    Session,
    /// Binds a pending login or consent to the browser that began it (SESS-03).
    Interaction,
}

impl CookieKind {
    /// The cookie's name.
    ///
    /// `__Host-` keeps sub-domains and plain HTTP from planting it. Over loopback HTTP it has another name: browsers
    /// refuse the prefix without `Secure`, and plain HTTP clients send no `Secure` cookie back.
    pub fn name(self, transport: Transport) -> &'static str {
        match (self, transport) {
            (Self::Session, Transport::Https) => "__Host-grantd-session",
            (Self::Session, Transport::LoopbackHttp) => "grantd-session",
            (Self::Interaction, Transport::Https) => "__Host-grantd-interaction",
            (Self::Interaction, Transport::LoopbackHttp) => "grantd-interaction",
        }
    }
}

/// The cookies of one request that are ours and unambiguous.
#[derive(Debug, Default)]
pub struct CookieJar {
    session: Presence,
    interaction: Presence,
}

impl CookieJar {
    /// Reads every `Cookie` header. A name that comes twice, or with a value of another shape, counts as absent.
    pub fn read(headers: &HeaderMap, transport: Transport) -> Self {
        let mut jar = Self::default();
        for header in headers.get_all(COOKIE) {
            for pair in header.as_bytes().split(|byte| *byte == b';') {
                // A pair that is no ASCII text can be none of ours.
                let Some((name, value)) = std::str::from_utf8(pair).ok().and_then(|pair| pair.trim().split_once('='))
                else {
                    continue;
                };
                if name == CookieKind::Session.name(transport) {
                    jar.session.add(value);
                } else if name == CookieKind::Interaction.name(transport) {
                    jar.interaction.add(value);
                }
            }
        }
        jar
    }

    /// The value of this cookie, if the browser sent exactly one of the right shape.
    pub fn get(&self, kind: CookieKind) -> Option<&Secret> {
        let presence = match kind {
            CookieKind::Session => &self.session,
            CookieKind::Interaction => &self.interaction,
        };
        match presence {
            Presence::Once(value) => Some(value),
            Presence::Never | Presence::Unusable => None,
        }
    }
}

#[derive(Debug, Default)]
enum Presence {
    #[default]
    Never,
    Once(Secret),
    Unusable,
}

impl Presence {
    fn add(&mut self, value: &str) {
        *self = match (&self, parse(value)) {
            (Self::Never, Some(value)) => Self::Once(value),
            _ => Self::Unusable,
        };
    }
}

/// A cookie to set. It lasts as long as the browser does; the server's own record decides when it ends.
#[derive(Debug)]
pub struct Cookie {
    kind: CookieKind,
    value: Option<Secret>,
}

impl Cookie {
    /// Gives the browser `value`, made by [`Secret::random`].
    pub fn new(kind: CookieKind, value: Secret) -> Self {
        Self { kind, value: Some(value) }
    }

    /// Takes the cookie away.
    pub fn removal(kind: CookieKind) -> Self {
        Self { kind, value: None }
    }

    /// The `Set-Cookie` header, marked sensitive so that it is not printed either.
    pub fn to_header(&self, transport: Transport) -> HeaderValue {
        let (value, ending) = match &self.value {
            Some(value) => (value.expose(), ""),
            None => ("", "; Max-Age=0"),
        };
        let secure = match transport {
            Transport::Https => "; Secure",
            Transport::LoopbackHttp => "",
        };
        let name = self.kind.name(transport);
        let text = Zeroizing::new(format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{ending}"));
        // A base64url value always fits into a header; an empty one would set nothing.
        let mut header = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

/// Exactly what [`Secret::random`] writes; anything else was not made here.
fn parse(text: &str) -> Option<Secret> {
    let base64url = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    (base64url && text.len() == VALUE_LENGTH).then(|| Secret::new(text))
}

/// 32 bytes in base64url without padding.
const VALUE_LENGTH: usize = 43;
