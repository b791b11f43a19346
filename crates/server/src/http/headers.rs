//! The security headers of every answer, and the content security policy of pages.
//!
//! Owns what browsers are told. Does not own which page is shown. Start at [`SecurityHeaders::secure`] and [`Csp`].

use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, PRAGMA, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use url::{Host, Url};

use super::Transport;

/// The headers that do not depend on the answer.
#[derive(Clone, Copy, Debug)]
pub struct SecurityHeaders {
    transport: Transport,
}

impl SecurityHeaders {
    /// For an issuer reached over `transport`.
    pub fn new(transport: Transport) -> Self {
        Self { transport }
    }

    /// Puts the security headers on an answer (SESS-07…10, SESS-20).
    ///
    /// Pages and redirects that name no cache rule get `no-store`; a page that names no policy gets the strictest one.
    pub fn secure(self, response: &mut Response) {
        let is_redirection = response.status().is_redirection();
        let headers = response.headers_mut();
        let is_page = is_html(headers);
        if (is_page || is_redirection) && !headers.contains_key(CACHE_CONTROL) {
            no_store(headers);
        }
        if is_page && !headers.contains_key(CONTENT_SECURITY_POLICY) {
            headers.insert(CONTENT_SECURITY_POLICY, Csp::page().to_header());
        }
        self.apply(headers);
    }

    /// Sets each header, replacing what a handler may have set (SESS-08, SESS-09, SESS-20).
    pub fn apply(self, headers: &mut HeaderMap) {
        for (name, value) in ALWAYS {
            headers.insert(name, value);
        }
        // RFC 6797 §7.2: not over plain HTTP, where browsers ignore it and developers would be locked out of loopback.
        if self.transport == Transport::Https {
            headers.insert(STRICT_TRANSPORT_SECURITY, TWO_YEARS);
        }
    }
}

/// `Cache-Control: no-store`, and `Pragma` for caches of the last century (SESS-10, RFC 6749 §5.1).
pub fn no_store(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
}

/// The content security policy of one page (SESS-07).
///
/// Nothing is loaded from elsewhere, nobody may frame the page, scripts run only with this page's nonce, and forms go
/// to this server, or from here on by redirect to the one validated redirect URI.
#[derive(Clone, Debug, Default)]
pub struct Csp {
    nonce: Option<ScriptNonce>,
    redirect: Option<RedirectSource>,
}

impl Csp {
    /// A page without scripts, whose forms end at this server.
    pub fn page() -> Self {
        Self::default()
    }

    /// Lets scripts that carry `nonce` run.
    #[must_use]
    pub fn with_script(mut self, nonce: ScriptNonce) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// Lets the answer to this page's form redirect to `redirect`: Chromium holds redirects against `form-action`.
    #[must_use]
    pub fn with_redirect(mut self, redirect: RedirectSource) -> Self {
        self.redirect = Some(redirect);
        self
    }

    /// The header's value.
    pub fn to_header(&self) -> HeaderValue {
        let mut policy = String::from("default-src 'none'; style-src 'self'; img-src 'self'; ");
        if let Some(ScriptNonce(nonce)) = &self.nonce {
            policy.push_str("script-src 'nonce-");
            policy.push_str(nonce);
            policy.push_str("'; ");
        }
        policy.push_str("base-uri 'none'; frame-ancestors 'none'; form-action 'self'");
        if let Some(RedirectSource(source)) = &self.redirect {
            policy.push(' ');
            policy.push_str(source);
        }
        // Both parts were parsed into printable ASCII; were that ever untrue, the strictest policy is the safe answer.
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
    }
}

/// A nonce for the scripts of one page. Whoever makes it draws at least 128 random bits.
#[derive(Clone, Debug)]
pub struct ScriptNonce(String);

impl ScriptNonce {
    /// Takes base64url text of at least 22 characters, nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let base64url = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (base64url && text.len() >= 22).then(|| Self(text.to_owned()))
    }
}

/// A redirect URI as the source expression that `form-action` understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectSource(String);

impl RedirectSource {
    /// The origin of an http or https URI, or the scheme of an app's own (`com.example.app:`).
    ///
    /// Does not check that the URI is registered: pass only a verified one. Schemes that run script or read files
    /// give `None` whatever was registered.
    pub fn of(redirect_uri: &str) -> Option<Self> {
        let (scheme, _) = redirect_uri.split_once(':')?;
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "http" | "https" => Self::of_web(&Url::parse(redirect_uri).ok()?),
            "javascript" | "vbscript" | "data" | "blob" | "about" | "file" | "filesystem" | "ws" | "wss" => None,
            _ => is_scheme(&scheme).then(|| Self(format!("{scheme}:"))),
        }
    }

    /// The source expression, for tests and logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of_web(url: &Url) -> Option<Self> {
        match url.host()? {
            // CSP3 §2.3.1: a host-source has no place for an IPv6 literal. The scheme is all that can be named.
            Host::Ipv6(_) => Some(Self(format!("{}:", url.scheme()))),
            Host::Domain(_) | Host::Ipv4(_) => Some(Self(url.origin().ascii_serialization())).filter(Self::is_safe),
        }
    }

    /// A host may hold characters that end a directive or a list of directives.
    fn is_safe(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'\'' | b'"' | b'*'))
    }
}

/// RFC 3986 §3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.as_bytes().get(..HTML.len()));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(HTML))
}

const HTML: &[u8] = b"text/html";

const TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000");

const ALWAYS: [(HeaderName, HeaderValue); 6] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), midi=(), \
             payment=(), usb=()",
        ),
    ),
];
