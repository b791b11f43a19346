//! The registered claims (RFC 7519 §4.1), read strictly, and the rules of time.

use crate::time::{Seconds, Time};
use serde_json::{Map, Value};

/// How far the clock of whoever made a token may run ahead of ours: 15 s for `iat` and `nbf`. `exp` has no grace
/// (INV-11).
pub const CLOCK_SKEW: Seconds = Seconds(15);

/// The claims of a JWT. Readers name what they want and get it typed, or a fault that names the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Wraps an object.
    pub fn new(object: Map<String, Value>) -> Claims {
        Claims(object)
    }

    /// A claim as it is.
    pub fn get(&self, claim: &str) -> Option<&Value> {
        self.0.get(claim)
    }

    /// A claim that must be a non-empty string if present.
    pub fn string(&self, claim: &'static str) -> Result<Option<&str>, ClaimFault> {
        match self.0.get(claim) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(ClaimFault::Invalid(claim)),
        }
    }

    /// A claim that must be present and a non-empty string.
    pub fn required_string(&self, claim: &'static str) -> Result<&str, ClaimFault> {
        self.string(claim)?.ok_or(ClaimFault::Missing(claim))
    }

    /// A moment: a JSON number, finite, from 0 to 2⁵³, fractions dropped; a number in a string is refused (KEYS-08).
    pub fn numeric_date(&self, claim: &'static str) -> Result<Option<Time>, ClaimFault> {
        let Some(value) = self.0.get(claim) else { return Ok(None) };
        numeric_date(value).map(Some).ok_or(ClaimFault::Invalid(claim))
    }

    /// A moment that must be present.
    pub fn required_numeric_date(&self, claim: &'static str) -> Result<Time, ClaimFault> {
        self.numeric_date(claim)?.ok_or(ClaimFault::Missing(claim))
    }

    /// `aud`: a string, or an array of strings that is not empty (RFC 7519 §4.1.3).
    pub fn audience(&self) -> Result<Vec<&str>, ClaimFault> {
        match self.0.get("aud") {
            None => Err(ClaimFault::Missing("aud")),
            Some(Value::String(one)) if !one.is_empty() => Ok(vec![one]),
            Some(Value::Array(all)) if !all.is_empty() => all
                .iter()
                .map(|one| one.as_str().filter(|one| !one.is_empty()).ok_or(ClaimFault::Invalid("aud")))
                .collect(),
            Some(_) => Err(ClaimFault::Invalid("aud")),
        }
    }

    /// `scope`, one by one (RFC 6749 §3.3); none if it is absent.
    pub fn scopes(&self) -> Result<Vec<String>, ClaimFault> {
        match self.0.get("scope") {
            None => Ok(Vec::new()),
            Some(Value::String(scope)) => {
                Ok(scope.split(' ').filter(|one| !one.is_empty()).map(str::to_owned).collect())
            }
            Some(_) => Err(ClaimFault::Invalid("scope")),
        }
    }

    /// `authorization_details`: objects with a string `type` (RFC 9396 §2); none if it is absent.
    pub fn authorization_details(&self) -> Result<Vec<Value>, ClaimFault> {
        match self.0.get("authorization_details") {
            None => Ok(Vec::new()),
            Some(Value::Array(details)) if details.iter().all(|one| one.get("type").is_some_and(Value::is_string)) => {
                Ok(details.clone())
            }
            Some(_) => Err(ClaimFault::Invalid("authorization_details")),
        }
    }

    /// Holds `exp` (required), `nbf` and `iat` (if present) against the clock (INV-09, INV-11).
    pub fn ensure_current(&self, now: Time) -> Result<(), TimeFault> {
        let exp = self.required_numeric_date("exp")?;
        if now.is_past(exp) {
            return Err(TimeFault::Expired { exp, now });
        }
        for claim in ["nbf", "iat"] {
            if let Some(at) = self.numeric_date(claim)?
                && at > now + CLOCK_SKEW
            {
                return Err(TimeFault::NotYetValid { claim, at, now });
            }
        }
        Ok(())
    }
}

/// A claim is not there, or not what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ClaimFault {
    /// Required and absent.
    #[error("the claim `{0}` is missing")]
    Missing(&'static str),
    /// Of the wrong kind, or outside its range.
    #[error("the claim `{0}` is not valid")]
    Invalid(&'static str),
}

/// A token is used outside its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TimeFault {
    /// `exp` has come.
    #[error("expired at {exp}; it is {now}")]
    Expired {
        /// When it ended.
        exp: Time,
        /// Our clock.
        now: Time,
    },
    /// `nbf` or `iat` lies further ahead than two clocks may differ.
    #[error("`{claim}` is {at}; it is {now}")]
    NotYetValid {
        /// Which of the two.
        claim: &'static str,
        /// What it says.
        at: Time,
        /// Our clock.
        now: Time,
    },
    /// One of the claims cannot be read as a moment.
    #[error(transparent)]
    Claim(#[from] ClaimFault),
}

/// 2⁵³: beyond it JSON numbers are not exact in every reader (RFC 8259 §6).
const MAX_NUMERIC_DATE: i64 = 1 << 53;

fn numeric_date(value: &Value) -> Option<Time> {
    let seconds = match value.as_i64() {
        Some(whole) => whole,
        None => floor(value.as_f64()?)?,
    };
    (0..=MAX_NUMERIC_DATE).contains(&seconds).then_some(Time(seconds))
}

#[expect(clippy::cast_possible_truncation, reason = "held to a range in which every whole number is exact")]
#[expect(clippy::cast_precision_loss, reason = "2^53 is exact")]
fn floor(number: f64) -> Option<i64> {
    (0.0..=MAX_NUMERIC_DATE as f64).contains(&number).then(|| number.floor() as i64)
}
