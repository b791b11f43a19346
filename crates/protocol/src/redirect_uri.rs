//! What may be registered as a redirect URI, and for which kind of client (RFC 8252, RFC 9700 §2.1).
//!
//! Owns the judgement at registration. Whether a *request* names a registered one is decided in
//! [`crate::authorize::VerifiedRedirectUri`], on strings alone.

use crate::names::RedirectUri;
use crate::records::ClientKind;
use crate::uri::Uri;

/// Why a redirect URI cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriFault {
    /// REDIR-05.
    #[error("is not an absolute URI: a scheme such as https, then //host/path, of printable ASCII characters")]
    NotAUri,
    /// NEVER-04.
    #[error("contains a wildcard; a redirect URI is compared byte for byte, so register each one in full")]
    Wildcard,
    /// REDIR-05.
    #[error("has a fragment (#); leave it out")]
    Fragment,
    /// REDIR-05.
    #[error("has a user or password before the host; leave it out")]
    UserInfo,
    /// REDIR-05.
    #[error("has a dot segment (. or ..) in its path; write the path as the browser will see it")]
    DotSegment,
    /// REDIR-12.
    #[error("has a query parameter of a name that the response uses (code, state, iss, error, response); rename it")]
    ReservedParameter,
    /// REDIR-03, REDIR-06.
    #[error("must begin with https:// for a client on a server; plain http is for native clients on loopback")]
    NotHttps,
    /// REDIR-02, REDIR-04.
    #[error("is plain http to a host that is not 127.0.0.1, [::1] or localhost; use https")]
    NotLoopback,
    /// REDIR-07.
    #[error(
        "has a scheme that is not yours by a domain name; use the reversed domain form, such as com.example.app:/callback"
    )]
    SchemeWithoutDot,
    /// NATIVE-02.
    #[error("uses a private scheme, which only a native client may")]
    PrivateScheme,
}

/// Where the answer will go, as a person would say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An https site.
    Host(String),
    /// A program on this computer, at this loopback address or `localhost`, with its port.
    ThisComputer(String),
    /// Whatever program has claimed this scheme on the device.
    Scheme(String),
}

impl Destination {
    /// Reads a registered redirect URI. `None` only for one that could not have been registered.
    pub fn of(uri: &RedirectUri) -> Option<Self> {
        let uri = Uri::parse(uri.as_str())?;
        Some(match uri.scheme.to_ascii_lowercase().as_str() {
            "https" => Self::Host(uri.authority?.to_owned()),
            "http" => Self::ThisComputer(uri.authority?.to_owned()),
            scheme => Self::Scheme(scheme.to_owned()),
        })
    }

    /// Whether nobody else can receive what is sent there (CONSENT-03, RFC 8252 §8.6).
    pub fn is_claimed(&self) -> bool {
        matches!(self, Self::Host(_))
    }
}

/// Whether a client of this kind may register this redirect URI.
///
/// `loopback_http_for_web` is the development mode's leave for web clients on loopback (W14).
pub fn judge(
    text: &str,
    kind: ClientKind,
    loopback_http_for_web: LoopbackHttp,
) -> Result<RedirectUri, RedirectUriFault> {
    if text.contains('*') {
        return Err(RedirectUriFault::Wildcard);
    }
    let uri = Uri::parse(text).ok_or(RedirectUriFault::NotAUri)?;
    if uri.fragment.is_some() {
        return Err(RedirectUriFault::Fragment);
    }
    if uri.authority.is_some_and(|authority| authority.contains('@')) {
        return Err(RedirectUriFault::UserInfo);
    }
    if !octets_are_whole(text) || !port_can_be_reached(&uri) {
        return Err(RedirectUriFault::NotAUri);
    }
    if uri.has_dot_segment() {
        return Err(RedirectUriFault::DotSegment);
    }
    if uri.query.is_some_and(names_a_response_parameter) {
        return Err(RedirectUriFault::ReservedParameter);
    }
    match uri.scheme.to_ascii_lowercase().as_str() {
        "https" if uri.host().is_some_and(|host| !host.is_empty()) => {}
        "https" => return Err(RedirectUriFault::NotAUri),
        "http" => judge_loopback(&uri, kind, loopback_http_for_web)?,
        scheme => judge_private_scheme(scheme, kind)?,
    }
    Ok(RedirectUri::new(text))
}

/// Whether web and browser clients may use plain http on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopbackHttp {
    /// In development mode, where everything is on this computer.
    ForEveryClient,
    /// Otherwise: RFC 8252 §7.3.
    ForNativeClients,
}

fn judge_loopback(uri: &Uri<'_>, kind: ClientKind, leave: LoopbackHttp) -> Result<(), RedirectUriFault> {
    // The literals in this very form and no other (REDIR-04).
    let loopback = matches!(uri.host(), Some("127.0.0.1" | "[::1]" | "localhost"));
    match (kind, leave) {
        _ if !loopback => {
            Err(if kind == ClientKind::Web { RedirectUriFault::NotHttps } else { RedirectUriFault::NotLoopback })
        }
        (ClientKind::Native, _) | (_, LoopbackHttp::ForEveryClient) => Ok(()),
        _ => Err(RedirectUriFault::NotHttps),
    }
}

fn judge_private_scheme(scheme: &str, kind: ClientKind) -> Result<(), RedirectUriFault> {
    match kind {
        ClientKind::Native if scheme.contains('.') => Ok(()),
        ClientKind::Native => Err(RedirectUriFault::SchemeWithoutDot),
        _ if scheme.contains('.') => Err(RedirectUriFault::PrivateScheme),
        _ => Err(RedirectUriFault::NotHttps),
    }
}

/// Each `%` begins two digits (RFC 3986 §2.1).
fn octets_are_whole(text: &str) -> bool {
    let digits = |after: &str| after.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    text.split('%').skip(1).all(digits)
}

/// No browser follows a redirect to another port than 1 to 65535.
fn port_can_be_reached(uri: &Uri<'_>) -> bool {
    let host = uri.host().unwrap_or_default();
    let Some(after) = uri.authority.and_then(|authority| authority.strip_prefix(host)) else { return true };
    let port = after.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    after.is_empty() || port.and_then(|port| port.parse::<u16>().ok()).is_some_and(|port| port > 0)
}

fn names_a_response_parameter(query: &str) -> bool {
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    query.split('&').map(name).any(|name| {
        // Decoded as well: `c%6fde` becomes `code` at the client.
        let decoded = crate::parameters::decode(name.as_bytes()).unwrap_or(name);
        matches!(decoded.as_str(), "code" | "state" | "iss" | "error" | "error_description" | "error_uri" | "response")
    })
}
