//! Durations as people write them: `90s`, `5m`, `12h`, `14d`.

use grantd_tokens::Seconds;

/// Reads a duration. A bare number counts seconds.
pub fn parse(text: &str) -> Option<Seconds> {
    let (number, unit) = match text.char_indices().next_back()? {
        (_, last) if last.is_ascii_digit() => (text, 1),
        (at, last) => (text.get(..at)?, UNITS.iter().find(|(letter, _)| *letter == last)?.1),
    };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = digits.then(|| number.parse().ok()).flatten()?;
    number.checked_mul(unit).map(Seconds)
}

/// Writes a duration in the largest unit that fits it.
pub(super) fn write(seconds: Seconds) -> String {
    let fitting = UNITS.iter().find(|(_, unit)| seconds.0 != 0 && seconds.0 % unit == 0);
    let (letter, unit) = fitting.copied().unwrap_or(('s', 1));
    format!("{}{letter}", seconds.0 / unit)
}

/// The largest first.
const UNITS: &[(char, i64)] = &[('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60), ('s', 1)];
