//! Values that go into a statement and rows that come out, the same for both engines.

use std::str::FromStr;

use lgsp_base::{Sha256, Timestamp, id};
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::{IsNull, Type};

use crate::error::StoreError;

/// The value of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Param<'a> {
    /// SQL NULL.
    Null,
    /// BIGINT; also times (microseconds) and booleans (0, 1).
    Int(i64),
    /// DOUBLE.
    Real(f64),
    /// TEXT.
    Text(&'a str),
    /// TEXT made for this call.
    Owned(String),
    /// TEXT of an id.
    Id(id::IdText),
    /// BYTEA.
    Blob(&'a [u8]),
    /// BYTEA of a digest made for this call.
    Digest([u8; 32]),
}

/// The parameters of a statement: `params![id, name, at]`, each by [`Param::from`].
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::Param::from($value)),*] as &[$crate::Param<'_>]
    };
}

macro_rules! param_from {
    ($($type:ty => |$value:ident| $param:expr;)*) => {$(
        impl<'a> From<$type> for Param<'a> {
            fn from($value: $type) -> Self { $param }
        }
    )*};
}

param_from! {
    &'a str => |value| Param::Text(value);
    &'a String => |value| Param::Text(value);
    String => |value| Param::Owned(value);
    i64 => |value| Param::Int(value);
    i32 => |value| Param::Int(i64::from(value));
    u32 => |value| Param::Int(i64::from(value));
    u16 => |value| Param::Int(i64::from(value));
    u8 => |value| Param::Int(i64::from(value));
    u64 => |value| Param::Int(i64::try_from(value).unwrap_or(i64::MAX));
    usize => |value| Param::Int(i64::try_from(value).unwrap_or(i64::MAX));
    bool => |value| Param::Int(i64::from(value));
    f64 => |value| Param::Real(value);
    Timestamp => |value| Param::Int(value.as_micros());
    &'a [u8] => |value| Param::Blob(value);
    &'a Vec<u8> => |value| Param::Blob(value);
    &'a [u8; 32] => |value| Param::Blob(value);
    [u8; 32] => |value| Param::Digest(value);
    Sha256 => |value| Param::Digest(value.0);
    &'a Sha256 => |value| Param::Blob(&value.0);
    id::DocumentId => |value| Param::Id(value.text());
    id::DeliveryId => |value| Param::Id(value.text());
    id::StatusId => |value| Param::Id(value.text());
    id::OrgId => |value| Param::Id(value.text());
    id::OrgEventId => |value| Param::Id(value.text());
    id::SystemId => |value| Param::Id(value.text());
    id::TokenId => |value| Param::Id(value.text());
    id::WebhookId => |value| Param::Id(value.text());
    id::JobId => |value| Param::Id(value.text());
    id::ReceiptId => |value| Param::Id(value.text());
    id::RequestId => |value| Param::Id(value.text());
    id::DossierId => |value| Param::Id(value.text());
    id::DossierFileId => |value| Param::Id(value.text());
    crate::seal::PersonHash => |value| Param::Digest(value.0);
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Param::Null, Into::into)
    }
}

impl<'a> From<&'a Option<String>> for Param<'a> {
    fn from(value: &'a Option<String>) -> Self {
        value.as_deref().map_or(Param::Null, Param::Text)
    }
}

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Param::Null => ValueRef::Null,
            Param::Int(value) => ValueRef::Integer(*value),
            Param::Real(value) => ValueRef::Real(*value),
            Param::Text(value) => ValueRef::Text(value.as_bytes()),
            Param::Owned(value) => ValueRef::Text(value.as_bytes()),
            Param::Id(value) => ValueRef::Text(value.as_bytes()),
            Param::Blob(value) => ValueRef::Blob(value),
            Param::Digest(value) => ValueRef::Blob(value),
        }))
    }
}

/// A parameter's kind does not fit the type that PostgreSQL inferred.
#[derive(Debug, thiserror::Error)]
#[error("a parameter does not fit the type {wanted}")]
struct Misfit {
    wanted: String,
}

type Buffer = bytes::BytesMut;
type Encoded = Result<IsNull, Box<dyn std::error::Error + Sync + Send>>;

fn encode_int(value: i64, wanted: &Type, out: &mut Buffer) -> Encoded {
    use tokio_postgres::types::ToSql;
    match *wanted {
        Type::INT8 => value.to_sql(wanted, out),
        Type::INT4 => i32::try_from(value)?.to_sql(wanted, out),
        Type::INT2 => i16::try_from(value)?.to_sql(wanted, out),
        Type::BOOL => (value != 0).to_sql(wanted, out),
        Type::TEXT => value.to_string().to_sql(wanted, out),
        _ => Err(Box::new(Misfit {
            wanted: wanted.to_string(),
        })),
    }
}

impl tokio_postgres::types::ToSql for Param<'_> {
    fn to_sql(&self, wanted: &Type, out: &mut Buffer) -> Encoded {
        let fits = match self {
            Param::Null => return Ok(IsNull::Yes),
            Param::Int(value) => return encode_int(*value, wanted, out),
            Param::Real(_) => *wanted == Type::FLOAT8,
            Param::Text(_) | Param::Owned(_) | Param::Id(_) => {
                <&str as tokio_postgres::types::ToSql>::accepts(wanted)
            }
            Param::Blob(_) | Param::Digest(_) => *wanted == Type::BYTEA,
        };
        if !fits {
            return Err(Box::new(Misfit {
                wanted: wanted.to_string(),
            }));
        }
        match self {
            Param::Null | Param::Int(_) => Ok(IsNull::Yes),
            Param::Real(value) => value.to_sql(wanted, out),
            Param::Text(value) => value.to_sql(wanted, out),
            Param::Owned(value) => value.to_sql(wanted, out),
            Param::Id(value) => value.as_str().to_sql(wanted, out),
            Param::Blob(value) => value.to_sql(wanted, out),
            Param::Digest(value) => value.as_slice().to_sql(wanted, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// One row of an answer. Columns are counted from 0; a value of another type than asked for is reported as damage.
#[derive(Debug)]
pub struct Row<'a>(RowOf<'a>);

enum RowOf<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl std::fmt::Debug for RowOf<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Row")
    }
}

fn misread(column: usize, wanted: &str) -> StoreError {
    StoreError::corrupt(format_args!("column {column} is not {wanted}"))
}

impl<'a> Row<'a> {
    pub(crate) const fn of_sqlite(row: &'a rusqlite::Row<'a>) -> Self {
        Row(RowOf::Sqlite(row))
    }

    pub(crate) const fn of_postgres(row: &'a tokio_postgres::Row) -> Self {
        Row(RowOf::Postgres(row))
    }

    /// BIGINT; a sum must be cast (`CAST(SUM(x) AS BIGINT)`), because PostgreSQL sums to NUMERIC.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.opt_int(column)?
            .ok_or_else(|| misread(column, "an integer"))
    }

    /// BIGINT or NULL.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        let wrong = || misread(column, "an integer");
        match &self.0 {
            RowOf::Sqlite(row) => match row.get_ref(column) {
                Ok(ValueRef::Null) => Ok(None),
                Ok(ValueRef::Integer(value)) => Ok(Some(value)),
                _ => Err(wrong()),
            },
            RowOf::Postgres(row) => match row.columns().get(column).map(|c| c.type_().clone()) {
                Some(Type::INT8) => row.try_get(column).map_err(|_| wrong()),
                Some(Type::INT4) => row
                    .try_get::<_, Option<i32>>(column)
                    .map(|value| value.map(i64::from))
                    .map_err(|_| wrong()),
                Some(Type::BOOL) => row
                    .try_get::<_, Option<bool>>(column)
                    .map(|value| value.map(i64::from))
                    .map_err(|_| wrong()),
                _ => Err(wrong()),
            },
        }
    }

    /// DOUBLE or NULL.
    pub fn opt_real(&self, column: usize) -> Result<Option<f64>, StoreError> {
        let wrong = || misread(column, "a number");
        match &self.0 {
            RowOf::Sqlite(row) => match row.get_ref(column) {
                Ok(ValueRef::Null) => Ok(None),
                Ok(ValueRef::Real(value)) => Ok(Some(value)),
                _ => Err(wrong()),
            },
            RowOf::Postgres(row) => row.try_get(column).map_err(|_| wrong()),
        }
    }

    /// TEXT.
    pub fn text(&self, column: usize) -> Result<String, StoreError> {
        Ok(self.text_ref(column)?.to_owned())
    }

    /// TEXT, not copied.
    pub fn text_ref(&self, column: usize) -> Result<&str, StoreError> {
        self.opt_text_ref(column)?
            .ok_or_else(|| misread(column, "a text"))
    }

    /// TEXT or NULL.
    pub fn opt_text(&self, column: usize) -> Result<Option<String>, StoreError> {
        Ok(self.opt_text_ref(column)?.map(str::to_owned))
    }

    /// TEXT or NULL, not copied.
    pub fn opt_text_ref(&self, column: usize) -> Result<Option<&str>, StoreError> {
        let wrong = || misread(column, "a text");
        match &self.0 {
            RowOf::Sqlite(row) => match row.get_ref(column) {
                Ok(ValueRef::Null) => Ok(None),
                Ok(ValueRef::Text(bytes)) => {
                    std::str::from_utf8(bytes).map(Some).map_err(|_| wrong())
                }
                _ => Err(wrong()),
            },
            RowOf::Postgres(row) => row.try_get(column).map_err(|_| wrong()),
        }
    }

    /// BYTEA.
    pub fn blob(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        Ok(self
            .opt_blob_ref(column)?
            .ok_or_else(|| misread(column, "bytes"))?
            .to_vec())
    }

    /// BYTEA or NULL.
    pub fn opt_blob(&self, column: usize) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.opt_blob_ref(column)?.map(<[u8]>::to_vec))
    }

    /// BYTEA or NULL, not copied.
    pub fn opt_blob_ref(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        let wrong = || misread(column, "bytes");
        match &self.0 {
            RowOf::Sqlite(row) => match row.get_ref(column) {
                Ok(ValueRef::Null) => Ok(None),
                Ok(ValueRef::Blob(bytes)) => Ok(Some(bytes)),
                _ => Err(wrong()),
            },
            RowOf::Postgres(row) => row.try_get(column).map_err(|_| wrong()),
        }
    }

    /// BYTEA of 32 bytes.
    pub fn sha256(&self, column: usize) -> Result<Sha256, StoreError> {
        self.opt_blob_ref(column)?
            .and_then(Sha256::from_slice)
            .ok_or_else(|| misread(column, "32 bytes"))
    }

    /// BIGINT as a time.
    pub fn time(&self, column: usize) -> Result<Timestamp, StoreError> {
        self.int(column).map(Timestamp::from_micros)
    }

    /// BIGINT or NULL as a time.
    pub fn opt_time(&self, column: usize) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.opt_int(column)?.map(Timestamp::from_micros))
    }

    /// BIGINT 0 or 1, or a comparison.
    pub fn flag(&self, column: usize) -> Result<bool, StoreError> {
        self.int(column).map(|value| value != 0)
    }

    /// TEXT that reads as an id (or anything else with `FromStr`).
    pub fn id<T: FromStr>(&self, column: usize) -> Result<T, StoreError> {
        self.text_ref(column)?
            .parse()
            .map_err(|_| misread(column, "a known form"))
    }

    /// TEXT or NULL that reads as an id.
    pub fn opt_id<T: FromStr>(&self, column: usize) -> Result<Option<T>, StoreError> {
        self.opt_text_ref(column)?
            .map(|text| text.parse().map_err(|_| misread(column, "a known form")))
            .transpose()
    }
}
