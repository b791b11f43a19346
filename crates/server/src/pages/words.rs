//! Small values that pages put into words.

use std::fmt;

use url::Url;

use super::Mode;

/// Where the browser is sent with the answer, as a person would name it.
///
/// The host, unlike the name of a client, cannot be claimed by just anyone: it is shown wherever the name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerTo {
    /// The host (and port, unless the default) of an `https` redirect URI.
    Host(String),
    /// A loopback redirect (RFC 8252 §7.3): whichever program listens there.
    ThisComputer,
    /// A private-use scheme (RFC 8252 §7.1), without the colon: whichever program has claimed it.
    PrivateScheme(String),
}

/// A length of time in seconds, shown in whole units and rounded up: `90 seconds`, `10 minutes`, `30 days`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lasting(pub u64);

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self.0 {
            seconds if seconds < 2 * MINUTE && seconds != MINUTE => (seconds, "second"),
            seconds if seconds < 2 * HOUR && seconds != HOUR => (seconds.div_ceil(MINUTE), "minute"),
            seconds if seconds < 2 * DAY && seconds != DAY => (seconds.div_ceil(HOUR), "hour"),
            seconds => (seconds.div_ceil(DAY), "day"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

/// An address of a client that may be offered as a link (CONSENT-06).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeLink(Url);

impl SafeLink {
    /// Takes `https` addresses with a host and without user information; in development also `http` on loopback.
    ///
    /// That the address belongs to the client is *not* checked: it is shown beside the link in full.
    pub fn parse(text: &str, mode: Mode) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let plain = url.username().is_empty() && url.password().is_none();
        let reachable = match url.scheme() {
            "https" => url.has_host(),
            "http" => mode == Mode::Development && is_loopback(&url),
            _ => false,
        };
        (plain && reachable).then_some(Self(url))
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(domain)) => domain == "localhost",
        None => false,
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
