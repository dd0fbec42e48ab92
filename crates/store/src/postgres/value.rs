//! Our four shapes of value in PostgreSQL's binary format.

use crate::Error;
use crate::value::{Row, Value};
use bytes::BytesMut;
use std::error::Error as StdError;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *ty == Type::INT8 => number.to_sql(ty, out),
            Self::Text(text) if <&str as ToSql>::accepts(ty) => text.as_str().to_sql(ty, out),
            Self::Bytes(bytes) if *ty == Type::BYTEA => bytes.as_slice().to_sql(ty, out),
            other => Err(format!("a parameter of the type {ty} cannot hold {}", kind(other)).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Judged with the value in hand, above: `NULL` fits every type.
        true
    }

    to_sql_checked!();
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Int(_) => "a number",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
    }
}

/// One row in our own shapes.
pub(super) fn row(row: &tokio_postgres::Row) -> Result<Row, Error> {
    let column = |index: usize, ty: &Type| -> Result<Value, tokio_postgres::Error> {
        Ok(match *ty {
            Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map_or(Value::Null, Value::Int),
            Type::INT4 => {
                row.try_get::<_, Option<i32>>(index)?.map_or(Value::Null, |number| Value::Int(number.into()))
            }
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.map_or(Value::Null, Value::Bytes),
            _ => row.try_get::<_, Option<String>>(index)?.map_or(Value::Null, Value::Text),
        })
    };
    let values = row.columns().iter().enumerate().map(|(index, described)| column(index, described.type_()));
    values
        .collect::<Result<_, _>>()
        .map(Row)
        .map_err(|error| Error::Corrupt(format!("PostgreSQL gave a value that cannot be read: {error}")))
}
