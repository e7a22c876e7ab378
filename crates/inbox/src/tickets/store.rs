//! Writes of `tickets`.

use crate::topics;
use diesel::prelude::*;
use opencom_contract::tickets::{TicketStatus, Update};
use opencom_core::Result;
use opencom_core::id::{TicketId, WorkspaceId};
use opencom_runtime::MutationCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::tickets;

use super::rows::NewTicket;

/// Submits a ticket.
pub(crate) async fn insert(cx: &mut MutationCx, ticket: &NewTicket<'_>) -> Result<()> {
    touched(cx, ticket.id, ticket.workspace_id);
    diesel::insert_into(tickets::table)
        .values(ticket)
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Changes what is given. Resolving states when, each time; nothing forgets it.
pub(crate) async fn update(cx: &mut MutationCx, workspace: WorkspaceId, req: &Update) -> Result<()> {
    touched(cx, req.id, workspace);
    let now = cx.now();
    let resolved = req.status == Some(TicketStatus::Resolved);
    diesel::update(tickets::table.find(req.id))
        .set((
            req.status.map(|status| tickets::status.eq(status)),
            req.priority.map(|priority| tickets::priority.eq(priority)),
            req.assignee_id.map(|assignee| tickets::assignee_id.eq(assignee)),
            req.team_id.as_ref().map(|team| tickets::team_id.eq(team)),
            resolved.then(|| tickets::resolved_at.eq(now)),
            tickets::updated_at.eq(now),
        ))
        .execute(cx.connection().await?)
        .await?;
    Ok(())
}

/// Records that a ticket's row changed, for itself and for the lists that show it.
pub(crate) fn touched(cx: &mut MutationCx, id: TicketId, workspace: WorkspaceId) {
    cx.write(topics::ticket(id));
    cx.write(topics::tickets_of_workspace(workspace));
}
