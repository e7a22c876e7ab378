//! How ids, times and JSON values are stored.

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Jsonb, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::id::Entity;
use crate::{Attributes, Id, Json, Millis};

impl<E: Entity> ToSql<SqlUuid, Pg> for Id<E> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<SqlUuid, Pg>::to_sql(&self.uuid(), &mut out.reborrow())
    }
}

impl<E: Entity> FromSql<SqlUuid, Pg> for Id<E> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <Uuid as FromSql<SqlUuid, Pg>>::from_sql(value).map(Self::from_column)
    }
}

impl ToSql<Timestamptz, Pg> for Millis {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Timestamptz, Pg>::to_sql(&self.to_datetime(), &mut out.reborrow())
    }
}

impl FromSql<Timestamptz, Pg> for Millis {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <DateTime<Utc> as FromSql<Timestamptz, Pg>>::from_sql(value).map(Self::from)
    }
}

macro_rules! stored_as_jsonb {
    ($($type:ty),*) => {$(
        impl ToSql<Jsonb, Pg> for $type {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                use std::io::Write;
                // The binary form of jsonb is a version byte and the text.
                out.write_all(&[1])?;
                serde_json::to_writer(out, self)?;
                Ok(serialize::IsNull::No)
            }
        }

        impl FromSql<Jsonb, Pg> for $type {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                match value.as_bytes() {
                    [1, text @ ..] => Ok(serde_json::from_slice(text)?),
                    _ => Err("unknown version of jsonb".into()),
                }
            }
        }
    )*};
}

stored_as_jsonb!(Json, Attributes);
