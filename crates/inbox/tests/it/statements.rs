//! Which statements a call sends to the database, and the plans of them.

pub(crate) use opencom_testkit::statements::{observed_kit, plan, recorded};
