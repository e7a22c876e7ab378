//! The audit log: one row for each thing done, written with it.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use opencom_core::Result;
use opencom_core::id::AuditLogId;
use opencom_runtime::audit::{Actor, AuditTrail, Entry};
use opencom_runtime::{MutationCx, Topic};
use opencom_schema::audit_logs;

use crate::Admin;

#[async_trait]
impl AuditTrail for Admin {
    async fn record(&self, cx: &mut MutationCx, entry: Entry) -> Result<()> {
        let (actor_type, actor_id) = match entry.actor {
            Actor::User(user) => ("user", Some(user)),
            Actor::Api => ("api", None),
        };
        cx.write(Topic::AuditOfWorkspace(entry.workspace_id));
        let now = cx.now();
        diesel::insert_into(audit_logs::table)
            .values((
                audit_logs::id.eq(AuditLogId::generate()),
                audit_logs::workspace_id.eq(entry.workspace_id),
                audit_logs::actor_id.eq(actor_id),
                audit_logs::actor_type.eq(actor_type),
                audit_logs::action.eq(entry.action),
                audit_logs::resource_type.eq(entry.resource_type),
                audit_logs::resource_id.eq(entry.resource_id),
                audit_logs::metadata.eq(entry.metadata),
                audit_logs::timestamp.eq(now),
            ))
            .execute(cx.connection().await?)
            .await?;
        Ok(())
    }
}
