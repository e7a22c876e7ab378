//! How ids, times and JSON values are stored.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Timestamptz, Uuid as SqlUuid};
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

/// 2000-01-01 in milliseconds: from there PostgreSQL counts, in microseconds.
const POSTGRES_EPOCH: i64 = 946_684_800_000;

impl ToSql<Timestamptz, Pg> for Millis {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let micros = self.0.saturating_sub(POSTGRES_EPOCH).saturating_mul(1000);
        ToSql::<BigInt, Pg>::to_sql(&micros, &mut out.reborrow())
    }
}

impl FromSql<Timestamptz, Pg> for Millis {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Pg>>::from_sql(value)?;
        Ok(Self(micros.div_euclid(1000).saturating_add(POSTGRES_EPOCH)))
    }
}

crate::jsonb_column!(Json);
crate::jsonb_column!(Attributes);
