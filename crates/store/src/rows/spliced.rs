//! A record read straight from its JSON, with members that stand in columns of their own put in the place of its own.
//!
//! Start at [`read`]. Owns no record: which members stand in columns is said in `rows.rs` and `grants.rs`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::CowStrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, IntoDeserializer, MapAccess, Visitor,
};
use serde_json::{Error, Value as Json};

/// A member that stands in a column.
pub(super) type Member<'a> = (&'a str, Json);

/// The record of this text. Where it has a member of the same name as one of `columns`, the column counts.
pub(super) fn read<T: DeserializeOwned>(text: &str, columns: Vec<Member<'_>>) -> Result<T, Error> {
    T::deserialize(Spliced { text, columns })
}

struct Spliced<'a> {
    text: &'a str,
    columns: Vec<Member<'a>>,
}

impl<'de> Deserializer<'de> for Spliced<'de> {
    type Error = Error;

    /// A record is a struct, whatever it asks to be read as.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut json = serde_json::Deserializer::from_str(self.text);
        let record = json.deserialize_map(Object { columns: self.columns, visitor })?;
        json.end()?;
        Ok(record)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Object<'a, V> {
    columns: Vec<Member<'a>>,
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Object<'de, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, members: M) -> Result<V::Value, M::Error> {
        self.visitor.visit_map(Members { given: 0, columns: self.columns, json: members })
    }
}

/// The columns first, then the members of the JSON that are in no column.
struct Members<'a, M> {
    columns: Vec<Member<'a>>,
    /// How many of the columns were given as keys.
    given: usize,
    json: M,
}

impl<'de, M: MapAccess<'de>> MapAccess<'de> for Members<'de, M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, M::Error> {
        if let Some((name, _)) = self.columns.get(self.given) {
            self.given += 1;
            return seed.deserialize(IntoDeserializer::<M::Error>::into_deserializer(*name)).map(Some);
        }
        // Behind the last column: what is asked for next is a member of the JSON.
        self.given = self.columns.len() + 1;
        while let Some(Name(name)) = self.json.next_key_seed(PhantomData)? {
            if self.columns.iter().all(|(column, _)| *column != name) {
                return seed.deserialize(CowStrDeserializer::new(name)).map(Some);
            }
            self.json.next_value::<IgnoredAny>()?;
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, M::Error> {
        match self.given.checked_sub(1).and_then(|place| self.columns.get_mut(place)) {
            Some((_, value)) => seed.deserialize(std::mem::take(value)).map_err(M::Error::custom),
            None => self.json.next_value_seed(seed),
        }
    }
}

/// A name without a copy of it, unless something in it is escaped.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
