//! Splits a URI into its parts (RFC 3986 App. B) and refuses what a careful person would not write.
//!
//! Never normalises and never decodes: comparisons are made on the text itself (RFC 9700 §4.1.3).

/// The parts of an absolute URI, as they stand in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    /// Before the first colon.
    pub scheme: &'a str,
    /// Between `//` and the path, if there is a `//`.
    pub authority: Option<&'a str>,
    /// The path; may be empty.
    pub path: &'a str,
    /// After `?`, without it.
    pub query: Option<&'a str>,
    /// After `#`, without it; present and empty for a bare `#`.
    pub fragment: Option<&'a str>,
}

impl<'a> Uri<'a> {
    /// Reads an absolute URI of printable ASCII without spaces, quotes, angle brackets or backslashes (REDIR-05).
    /// `None` for anything else.
    pub fn parse(text: &'a str) -> Option<Self> {
        let printable = |byte: u8| {
            byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
        };
        if !text.bytes().all(printable) {
            return None;
        }
        let (scheme, rest) = text.split_once(':')?;
        let mut letters = scheme.bytes();
        let first_is_letter = letters.next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if !first_is_letter || !letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) {
            return None;
        }
        let (rest, fragment) = split_off(rest, '#');
        let (rest, query) = split_off(rest, '?');
        let (authority, path) = match rest.strip_prefix("//") {
            Some(after) => match after.find('/') {
                Some(slash) => (after.get(..slash), after.get(slash..).unwrap_or_default()),
                None => (Some(after), ""),
            },
            None => (None, rest),
        };
        Some(Self { scheme, authority, path, query, fragment })
    }

    /// The host as written, without user and port.
    pub fn host(&self) -> Option<&'a str> {
        let authority = self.authority?;
        let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, after)| after);
        if host_and_port.starts_with('[') {
            return host_and_port.find(']').and_then(|end| host_and_port.get(..=end));
        }
        Some(host_and_port.split(':').next().unwrap_or_default())
    }

    /// Whether a segment of the path is `.` or `..`, also written with `%2e`.
    pub fn has_dot_segment(&self) -> bool {
        self.path.split('/').any(|segment| {
            let plain = segment.to_ascii_lowercase().replace("%2e", ".");
            plain == "." || plain == ".."
        })
    }

    /// Scheme, host and port as a browser writes an origin; `None` for schemes without one.
    pub fn origin(&self) -> Option<String> {
        let authority = self.authority.filter(|authority| !authority.is_empty() && !authority.contains('@'))?;
        let scheme = self.scheme.to_ascii_lowercase();
        let authority = authority.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "https" => ":443",
            "http" => ":80",
            _ => return None,
        };
        let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
        Some(format!("{scheme}://{authority}"))
    }
}

fn split_off(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}
