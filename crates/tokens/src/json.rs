//! Strict reading of JSON that a stranger wrote: JOSE headers, claims, key sets, `authorization_details`.
//!
//! Stricter than RFC 8259 where leniency lets two readers disagree: a duplicate member is refused at any depth, as are
//! trailing data, a byte order mark and text that is not UTF-8 (KEYS-07, RAR-01, RFC 8725 §2.6).

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::fmt;

/// How much JSON is read before giving up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The length of the text in bytes.
    pub max_bytes: usize,
    /// How many arrays and objects may stand inside one another; a lone `{}` has depth 1.
    pub max_depth: usize,
}

impl Limits {
    /// Header and payload of a JWT (KEYS-07). Most HTTP servers accept no more in all headers together.
    pub const JWT: Limits = Limits { max_bytes: 16 * 1024, max_depth: 16 };
    /// An `authorization_details` parameter (RAR-01).
    pub const AUTHORIZATION_DETAILS: Limits = Limits { max_bytes: 8 * 1024, max_depth: 8 };
    /// Server metadata and key sets fetched from elsewhere.
    pub const DOCUMENT: Limits = Limits { max_bytes: 256 * 1024, max_depth: 16 };
    /// A revocation feed: about 120,000 entries. It travels as a body, never in a header.
    pub const REVOCATION_FEED: Limits = Limits { max_bytes: 4 * 1024 * 1024, max_depth: 16 };
}

/// Why a text was not accepted as JSON. Never contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JsonFault {
    /// Longer than [`Limits::max_bytes`].
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// Nested deeper than [`Limits::max_depth`].
    #[error("it is nested deeper than {0} levels")]
    TooDeep(usize),
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// One object names a member twice.
    #[error("a member name occurs twice in one object")]
    DuplicateMember,
    /// Well-formed, but not an object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// Not JSON, or followed by something else.
    #[error("it is not JSON (line {line}, column {column})")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
}

/// Reads one JSON object and nothing else.
pub fn parse_object(bytes: &[u8], limits: Limits) -> Result<Map<String, Value>, JsonFault> {
    match parse_value(bytes, limits)? {
        Value::Object(object) => Ok(object),
        _ => Err(JsonFault::NotAnObject),
    }
}

/// Reads one JSON value and nothing else.
pub fn parse_value(bytes: &[u8], limits: Limits) -> Result<Value, JsonFault> {
    if bytes.len() > limits.max_bytes {
        return Err(JsonFault::TooLong(limits.max_bytes));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| JsonFault::NotUtf8)?;
    let broken_rule = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_str(text);
    let strict = Strict { limits, depth: 0, broken_rule: &broken_rule };
    let value = strict.deserialize(&mut reader);
    value.and_then(|value| reader.end().map(|()| value)).map_err(|fault| {
        let syntax = JsonFault::Syntax { line: fault.line(), column: fault.column() };
        broken_rule.get().unwrap_or(syntax)
    })
}

/// Builds a [`Value`] while holding it against the limits. serde's errors are text; the rule that broke goes by the
/// cell.
#[derive(Clone, Copy)]
struct Strict<'a> {
    limits: Limits,
    depth: usize,
    broken_rule: &'a Cell<Option<JsonFault>>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= self.limits.max_depth {
            return Err(self.refuse(JsonFault::TooDeep(self.limits.max_depth)));
        }
        Ok(Strict { depth: self.depth + 1, ..self })
    }

    fn refuse<E: serde::de::Error>(self, fault: JsonFault) -> E {
        self.broken_rule.set(Some(fault));
        E::custom(fault)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(self.refuse(JsonFault::DuplicateMember));
            }
            object.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}
