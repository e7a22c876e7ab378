//! Values that are stored as `jsonb`.

/// Lets a type with serde be a `jsonb` column. The type derives `AsExpression` and `FromSqlRow`. Does nothing without
/// the feature `diesel` of the crate that uses the macro.
#[macro_export]
macro_rules! jsonb_column {
    ($type:ty) => {
        #[cfg(feature = "diesel")]
        impl diesel::serialize::ToSql<diesel::sql_types::Jsonb, diesel::pg::Pg> for $type {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
            ) -> diesel::serialize::Result {
                use std::io::Write;
                // The binary form of jsonb is a version byte and the text.
                out.write_all(&[1])?;
                opencom_core::macro_support::serde_json::to_writer(out, self)?;
                Ok(diesel::serialize::IsNull::No)
            }
        }

        #[cfg(feature = "diesel")]
        impl diesel::deserialize::FromSql<diesel::sql_types::Jsonb, diesel::pg::Pg> for $type {
            fn from_sql(value: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                match value.as_bytes() {
                    [1, text @ ..] => Ok(opencom_core::macro_support::serde_json::from_slice(text)?),
                    _ => Err("unknown version of jsonb".into()),
                }
            }
        }
    };
}
