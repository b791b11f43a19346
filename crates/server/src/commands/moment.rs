//! Moments as people write them: `2h` ago, a date, a date and a time.

use grantd_tokens::{Seconds, Time};

use crate::config::parse_duration;

/// A moment, perhaps counted back from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// So long before now.
    Ago(Seconds),
    /// This one.
    At(Time),
}

impl Moment {
    /// Reads `90s`, `5m`, `12h`, `14d`, `2026-05-01` or `2026-05-01T12:30:00Z`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic() && last != 'Z');
        let ago = if has_unit { parse_duration(text).map(Self::Ago) } else { None };
        ago.or_else(|| utc(text).map(Self::At)).ok_or_else(|| {
            "write how long ago (30m, 2h, 14d), a date (2026-05-01) or a moment (2026-05-01T12:30:00Z)".to_owned()
        })
    }

    pub(super) fn before(self, now: Time) -> Time {
        match self {
            Self::Ago(seconds) => now - seconds,
            Self::At(time) => time,
        }
    }
}

/// RFC 3339 in UTC and whole seconds; a date alone is its beginning.
fn utc(text: &str) -> Option<Time> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, time.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let fits = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !fits || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Years that begin in March, so that the leap day comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day - 1;
    Some(Time((days - DAYS_BEFORE_1970) * 86_400 + hour * 3_600 + minute * 60 + second))
}

fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let parts: Vec<&str> = text.split(between).collect();
    let parts: [&str; 3] = parts.try_into().ok()?;
    let mut numbers = [0; 3];
    for ((number, part), digits) in numbers.iter_mut().zip(parts).zip(digits) {
        let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = is_number.then(|| part.parse().ok()).flatten()?;
    }
    Some(numbers)
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// From the first of March of the year 0.
const DAYS_BEFORE_1970: i64 = 719_468;
