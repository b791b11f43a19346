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

/// A moment in the past or to come, told as a day (UTC) and as how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    at: i64,
    now: i64,
}

impl Moment {
    /// `at`, seen from `now`, both in seconds since 1970.
    pub fn new(at: i64, now: i64) -> Self {
        Self { at, now }
    }

    /// `22 November 2026`.
    pub fn day(&self) -> String {
        let (year, month, day) = self.date();
        let name = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).unwrap_or(&"");
        format!("{day} {name} {year}")
    }

    /// `just now`, `5 minutes ago`, `3 days ago`. What is yet to come is `just now`: another node's clock is ahead.
    pub fn ago(&self) -> String {
        let (count, unit) = match u64::try_from(self.now.saturating_sub(self.at)).unwrap_or(0) {
            seconds if seconds < MINUTE => return "just now".to_owned(),
            seconds if seconds < HOUR => (seconds / MINUTE, "minute"),
            seconds if seconds < DAY => (seconds / HOUR, "hour"),
            seconds => (seconds / DAY, "day"),
        };
        format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
    }

    /// For `datetime`: RFC 3339, to the minute.
    pub fn machine(&self) -> String {
        let (year, month, day) = self.date();
        let minutes = self.at.rem_euclid(DAY_SECONDS) / 60;
        format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}Z", minutes / 60, minutes % 60)
    }

    /// The proleptic Gregorian calendar, counted in eras of 400 years that begin on the first of March: a leap day is then the last
    /// of its year.
    fn date(&self) -> (i64, i64, i64) {
        let days = self.at.div_euclid(DAY_SECONDS) + DAYS_TO_1970;
        let (era, of_era) = (days.div_euclid(DAYS_OF_ERA), days.rem_euclid(DAYS_OF_ERA));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        (era * 400 + year_of_era + i64::from(month <= 2), month, day)
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
const DAY_SECONDS: i64 = 24 * 60 * 60;
/// From the first of March of the year 0.
const DAYS_TO_1970: i64 = 719_468;
const DAYS_OF_ERA: i64 = 146_097;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
