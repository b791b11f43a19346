//! A record written straight as JSON, without the members that stand in columns of their own. The other half of `spliced.rs`.
//!
//! Start at [`write`]. Owns no record: which members stand in columns is said in `rows.rs` and `grants.rs`.

use std::fmt::Display;

use serde::Serialize;
use serde::ser::{Error as _, Impossible, SerializeMap, SerializeStruct, Serializer};
use serde_json::Error;

/// The JSON of a record without those of its members that `in_columns` names. A record is a struct whose members have names;
/// anything else is refused.
pub(super) fn write<T: Serialize>(record: &T, in_columns: &[&str]) -> Result<String, Error> {
    let mut text = Vec::with_capacity(MOST_ARE_SHORTER);
    record.serialize(Whole { json: &mut serde_json::Serializer::new(&mut text), in_columns })?;
    String::from_utf8(text).map_err(Error::custom)
}

const MOST_ARE_SHORTER: usize = 512;

type Json<'text> = serde_json::Serializer<&'text mut Vec<u8>>;
type Object<'json, 'text> = <&'json mut Json<'text> as Serializer>::SerializeMap;

struct Whole<'json, 'text> {
    json: &'json mut Json<'text>,
    in_columns: &'json [&'json str],
}

struct Members<'json, 'text> {
    object: Object<'json, 'text>,
    in_columns: &'json [&'json str],
}

impl SerializeStruct for Members<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, member: &T) -> Result<(), Error> {
        if self.in_columns.contains(&name) { Ok(()) } else { self.object.serialize_entry(name, member) }
    }

    fn end(self) -> Result<(), Error> {
        SerializeMap::end(self.object)
    }
}

macro_rules! refused {
    ($($method:ident($($value:ty),*))*) => {
        $(fn $method(self, $(_: $value),*) -> Result<(), Error> {
            Err(no_record())
        })*
    };
}

impl<'json, 'text> Serializer for Whole<'json, 'text> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Impossible<(), Error>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Members<'json, 'text>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Error> {
        Ok(Members { object: self.json.serialize_map(None)?, in_columns: self.in_columns })
    }

    refused! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_f32(f32) serialize_f64(f64)
        serialize_char(char) serialize_str(&str) serialize_bytes(&[u8]) serialize_none() serialize_unit()
        serialize_unit_struct(&'static str) serialize_unit_variant(&'static str, u32, &'static str)
    }

    fn collect_str<T: Display + ?Sized>(self, _: &T) -> Result<(), Error> {
        Err(no_record())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Error> {
        Err(no_record())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<(), Error> {
        Err(no_record())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        Err(no_record())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        Err(no_record())
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        Err(no_record())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Error> {
        Err(no_record())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Err(no_record())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Error> {
        Err(no_record())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Err(no_record())
    }
}

fn no_record() -> Error {
    Error::custom("not a struct")
}
