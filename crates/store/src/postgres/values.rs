//! A value of a column or parameter, as PostgreSQL's binary protocol writes it.

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, WrongType, to_sql_checked};

use crate::fault::StoreFault;
use crate::rows::Value;

type Failure = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for Value {
    fn to_sql(&self, r#type: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) if *r#type == Type::INT8 => number.to_sql(r#type, out),
            Self::Text(text) if *r#type == Type::TEXT => text.to_sql(r#type, out),
            Self::Integer(_) | Self::Text(_) => Err(Box::new(WrongType::new::<Self>(r#type.clone()))),
        }
    }

    fn accepts(r#type: &Type) -> bool {
        *r#type == Type::INT8 || *r#type == Type::TEXT
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(r#type: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        match *r#type {
            Type::INT8 => i64::from_sql(r#type, raw).map(Self::Integer),
            Type::INT4 => i32::from_sql(r#type, raw).map(|number| Self::Integer(number.into())),
            _ => String::from_sql(r#type, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failure> {
        Ok(Self::Null)
    }

    fn accepts(r#type: &Type) -> bool {
        matches!(*r#type, Type::INT8 | Type::INT4 | Type::TEXT)
    }
}

/// The type of an array of these.
pub(super) fn array_of(element: &Type) -> Type {
    if *element == Type::INT8 { Type::INT8_ARRAY } else { Type::TEXT_ARRAY }
}

/// PostgreSQL keeps no U+0000 in a text: a row whose key has one does not exist.
pub(super) fn holds_nul(values: &[Value]) -> bool {
    values.iter().any(|value| matches!(value, Value::Text(text) if text.contains('\0')))
}

/// What no table of this server can hold is not written.
pub(super) fn refuse_nul(values: &[Value]) -> Result<(), StoreFault> {
    if holds_nul(values) { Err(StoreFault::Unwritable) } else { Ok(()) }
}
