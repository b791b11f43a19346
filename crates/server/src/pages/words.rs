//! Small values that pages put into words.

use std::fmt;

use url::Url;

use super::Mode;

/// Text that somebody else wrote: the name of a client, the label of a thing (CONSENT-06).
///
/// Holds no control, bidi or invisible character, no line break, and at most [`LONGEST_TEXT`] characters. Markup in it is *not*
/// removed: the templates escape it. That the text is true is *not* checked: a client may call itself whatever it likes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainText(String);

impl PlainText {
    /// Takes out what could disguise the text, and cuts what is too long.
    pub fn new(text: &str) -> Self {
        let printable: String =
            text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !disguises(*c)).collect();
        let words: Vec<_> = printable.split_whitespace().collect();
        let mut characters = words.join(" ");
        if let Some((end, _)) = characters.char_indices().nth(LONGEST_TEXT) {
            characters.truncate(end);
            characters.push('…');
        }
        Self(characters)
    }

    /// Whether nothing is left to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for PlainText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Control characters, and those that reorder a line or take no room in it. The joiners U+200C and U+200D stay: Persian
/// words and emoji are written with them.
fn disguises(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Where the browser is sent with the answer, as a person would name it.
///
/// The host, unlike the name of a client, cannot be claimed by just anyone: it is shown wherever the name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerTo {
    /// The host (and port, unless the default) of an `https` redirect URI.
    Host(String),
    /// A loopback redirect (RFC 8252 §7.3): whichever program listens there.
    ThisComputer(String),
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

/// Characters of a foreign text that are shown.
const LONGEST_TEXT: usize = 80;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
