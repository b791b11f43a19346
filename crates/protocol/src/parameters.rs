//! Form and query parameters (RFC 6749 App. B): decoded strictly, repeats seen.
//!
//! Owns the decoding. Does not know which parameters an endpoint has. Start at [`Parameters::parse`].

/// The parameters of one request, in order.
///
/// No `Debug` of values: a value may be a code, a verifier or a secret (LOG-01).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
}

/// Why a body or query is not a list of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParametersFault {
    /// `%` without two hex digits, or bytes that are not UTF-8.
    NotFormEncoding,
    /// More than 100, or than the caller takes.
    TooMany,
    /// One is longer than the limit.
    TooLong,
}

const MAX_PARAMETERS: usize = 100;

impl Parameters {
    /// Decodes `application/x-www-form-urlencoded` text. A parameter without a value counts as not sent (AUTHZ-04,
    /// RFC 6749 §3.1); percent signs and UTF-8 are taken strictly (TOKEN-10).
    pub fn parse(text: &[u8], max_bytes_each: usize) -> Result<Self, ParametersFault> {
        Self::parse_up_to(MAX_PARAMETERS, text, max_bytes_each)
    }

    /// As [`Parameters::parse`], where another number of them is too many: our own forms can have a box for each thing.
    pub fn parse_up_to(most: usize, text: &[u8], max_bytes_each: usize) -> Result<Self, ParametersFault> {
        let mut pairs = Vec::new();
        for (position, piece) in text.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()).enumerate() {
            if position >= most {
                return Err(ParametersFault::TooMany);
            }
            if piece.len() > max_bytes_each {
                return Err(ParametersFault::TooLong);
            }
            let mut halves = piece.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if !value.is_empty() {
                pairs.push((name, value));
            }
        }
        Ok(Self { pairs })
    }

    /// The value, if it was sent; the first, if it was sent more than once (see [`Parameters::first_repeated`]).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter that may repeat.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.pairs.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Whether the parameter was sent more than once.
    pub fn repeats(&self, name: &str) -> bool {
        self.all(name).count() > 1
    }

    /// A parameter that was sent more than once although it may not (RFC 6749 §3.1, §3.2).
    pub fn first_repeated(&self, may_repeat: &[&str]) -> Option<&str> {
        let names = self.pairs.iter().map(|(name, _)| name.as_str());
        names.filter(|name| !may_repeat.contains(name)).find(|name| self.repeats(name))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The names, for a log that may not hold the values.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(name, _)| name.as_str())
    }
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.names()).finish()
    }
}

/// Undoes form encoding: `+` is a space, `%xx` a byte, and the whole is UTF-8. Also what RFC 6749 §2.3.1 does to both
/// halves of Basic credentials.
pub fn decode(text: &[u8]) -> Result<String, ParametersFault> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match (rest.next().copied().and_then(hex), rest.next().copied().and_then(hex)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(ParametersFault::NotFormEncoding),
            },
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| ParametersFault::NotFormEncoding)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Percent-encodes a value for a query so that nothing but unreserved characters is left (REDIR-11): no CR, LF or NUL
/// can come out of it.
pub fn encode(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.extend(
                [byte >> 4, byte & 15]
                    .iter()
                    .filter_map(|nibble| char::from_digit(u32::from(*nibble), 16))
                    .map(|digit| digit.to_ascii_uppercase()),
            );
        }
    }
    text
}
