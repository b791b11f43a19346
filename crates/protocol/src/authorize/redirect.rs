//! Where an answer may go. No redirect leaves this server but through a [`VerifiedRedirectUri`]: there is no open redirect.

use crate::names::{Issuer, RedirectUri};
use crate::parameters::encode;
use crate::records::Client;
use crate::refusals::Refusal;

/// A redirect URI that the client registered. Made by [`VerifiedRedirectUri::verify`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRedirectUri(RedirectUri);

impl VerifiedRedirectUri {
    /// Holds the text of a request against what the client registered: byte for byte (REDIR-01), but for the port of a
    /// loopback literal (REDIR-02). Nothing is parsed, decoded or normalised first.
    pub fn verify(sent: &str, client: &Client) -> Option<Self> {
        let registered = client
            .redirect_uris
            .iter()
            .any(|registered| registered.as_str() == sent || is_same_but_for_the_port(registered.as_str(), sent));
        registered.then(|| Self(RedirectUri::new(sent)))
    }

    /// The text as it was sent.
    pub fn uri(&self) -> &RedirectUri {
        &self.0
    }

    /// The URI with these parameters behind its own query (REDIR-11).
    pub(super) fn with_parameters(&self, parameters: &[(&str, &str)]) -> String {
        let mut location = self.0.as_str().to_owned();
        let mut separator = match location.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        for (name, value) in parameters {
            location.push_str(separator);
            location.push_str(name);
            location.push('=');
            location.push_str(&encode(value));
            separator = "&";
        }
        location
    }
}

/// RFC 8252 §7.3: a native app takes whatever port is free. Only for the literals, in this very form (REDIR-03, REDIR-04).
fn is_same_but_for_the_port(registered: &str, sent: &str) -> bool {
    ["http://127.0.0.1", "http://[::1]"].iter().any(|literal| {
        let after_port = |text| without_port(str::strip_prefix(text, literal)?);
        after_port(registered).zip(after_port(sent)).is_some_and(|(registered, sent)| registered == sent)
    })
}

/// What follows an optional port of 1 to 65535. `None` if what follows the host is neither a port nor a path.
fn without_port(text: &str) -> Option<&str> {
    let Some(port) = text.strip_prefix(':') else {
        return (text.is_empty() || text.starts_with(['/', '?'])).then_some(text);
    };
    let end = port.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(port.len());
    let (digits, rest) = port.split_at_checked(end)?;
    let valid = digits.len() <= 5 && !digits.starts_with('0') && digits.parse::<u16>().is_ok_and(|port| port > 0);
    (valid && (rest.is_empty() || rest.starts_with(['/', '?']))).then_some(rest)
}

/// An error on its way to the client through the user's browser (RFC 6749 §4.1.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorRedirect {
    to: VerifiedRedirectUri,
    state: Option<String>,
    issuer: Issuer,
}

impl ErrorRedirect {
    /// Cannot be made without a verified redirect URI.
    pub fn new(to: VerifiedRedirectUri, state: Option<String>, issuer: Issuer) -> Self {
        Self { to, state, issuer }
    }

    /// The value of `Location`: with `state` unchanged (AUTHZ-11) and `iss` (AUTHZ-10).
    pub fn location(&self, refusal: Refusal) -> String {
        let mut parameters = vec![("error", refusal.code().as_str()), ("error_description", refusal.says())];
        parameters.extend(self.state.as_deref().map(|state| ("state", state)));
        parameters.push(("iss", self.issuer.as_str()));
        let mut location = self.to.with_parameters(&parameters);
        // RFC 9700 §4.1.3: a browser carries an old fragment along unless the new address has one.
        location.push_str("#_");
        location
    }

    /// Where it goes.
    pub fn to(&self) -> &VerifiedRedirectUri {
        &self.to
    }
}
