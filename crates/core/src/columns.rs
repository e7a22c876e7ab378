//! How ids, times and JSON values are stored.

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Timestamptz, Uuid as SqlUuid};
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

crate::jsonb_column!(Json);
crate::jsonb_column!(Attributes);
