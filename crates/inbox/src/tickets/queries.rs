//! Reads of `tickets`, `ticket_comments` and `ticket_forms`.

use crate::topics;
use diesel::prelude::*;
use opencom_contract::tickets::List;
use opencom_core::Result;
use opencom_core::id::{TicketFormId, TicketId, WorkspaceId};
use opencom_runtime::RunQueryDsl;
use opencom_runtime::keyset::{self, Position};
use opencom_runtime::statement::literal_limit;
use opencom_runtime::{MutationCx, QueryCx};
use opencom_schema::{ticket_comments, ticket_forms, tickets, users, visitors};

use super::rows::{AssigneeRow, CommentRow, LockedTicket, TicketEntry, TicketRow};
use crate::visitors::rows::VisitorRow;

/// Tickets with their people.
#[diesel::dsl::auto_type(no_type_alias)]
fn entries() -> _ {
    let visitor = tickets::visitor_id.eq(visitors::id.nullable());
    let assignee = tickets::assignee_id.eq(users::id.nullable());
    tickets::table
        .left_join(visitors::table.on(visitor))
        .left_join(users::table.on(assignee))
}

/// Returns the tickets of a workspace, newest first, after the ticket that the filter's cursor names.
pub(crate) async fn by_workspace(cx: &mut QueryCx, filter: &List, limit: i64) -> Result<Vec<TicketEntry>> {
    cx.read(topics::tickets_of_workspace(filter.workspace_id));
    let start = filter.cursor.map(|id| {
        tickets::table
            .find(id)
            .filter(tickets::workspace_id.eq(filter.workspace_id))
            .select((tickets::created_at, tickets::id))
    });
    let start: Option<Position> = keyset::resolve(cx, start).await?;
    let mut query = entries()
        .select((
            TicketRow::as_select(),
            Option::<VisitorRow>::as_select(),
            Option::<AssigneeRow>::as_select(),
        ))
        .filter(tickets::workspace_id.eq(filter.workspace_id))
        .order((tickets::created_at.desc(), tickets::id.desc()))
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(tickets::status.eq(status));
    }
    if let Some(assignee) = filter.assignee_id {
        query = query.filter(tickets::assignee_id.eq(assignee));
    }
    if let Some(start) = start {
        query = query.filter(start.older(tickets::created_at, tickets::id));
    }
    let rows: Vec<TicketEntry> = literal_limit(query, limit).load(cx.connection().await?).await?;
    for entry in &rows {
        read_people(cx, entry);
    }
    Ok(rows)
}

/// A ticket of whatever workspace with its people; the caller checks access.
pub(crate) async fn entry(cx: &mut QueryCx, id: TicketId) -> Result<Option<TicketEntry>> {
    cx.read(topics::ticket(id));
    let entry = entries()
        .select((
            TicketRow::as_select(),
            Option::<VisitorRow>::as_select(),
            Option::<AssigneeRow>::as_select(),
        ))
        .filter(tickets::id.eq(id))
        .first(cx.connection().await?)
        .await
        .optional()?;
    if let Some(entry) = &entry {
        read_people(cx, entry);
    }
    Ok(entry)
}

fn read_people(cx: &mut QueryCx, (ticket, _, _): &TicketEntry) {
    if let Some(visitor) = ticket.visitor_id {
        cx.read(topics::visitor(visitor));
    }
    if let Some(assignee) = ticket.assignee_id {
        cx.read(topics::user(assignee));
    }
}

/// Comments of a ticket, oldest first.
pub(crate) async fn comments(
    cx: &mut QueryCx,
    ticket: TicketId,
    with_internal: bool,
    limit: i64,
) -> Result<Vec<CommentRow>> {
    cx.read(topics::ticket(ticket));
    let mut query = CommentRow::query()
        .filter(ticket_comments::ticket_id.eq(ticket))
        .order((ticket_comments::created_at, ticket_comments::id))
        .into_boxed();
    if !with_internal {
        query = query.filter(ticket_comments::is_internal.eq(false));
    }
    Ok(literal_limit(query, limit).load(cx.connection().await?).await?)
}

/// Whose a ticket is.
pub(crate) async fn workspace_of(cx: &mut QueryCx, id: TicketId) -> Result<Option<WorkspaceId>> {
    let workspace = tickets::table.find(id).select(tickets::workspace_id);
    Ok(workspace.first(cx.connection().await?).await.optional()?)
}

/// A ticket, locked until the end of the transaction.
pub(crate) async fn lock(cx: &mut MutationCx, id: TicketId) -> Result<Option<LockedTicket>> {
    Ok(LockedTicket::query()
        .find(id)
        .for_update()
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// Whether the workspace has a form, which is not deleted before the end of the transaction.
pub(crate) async fn form_exists(cx: &mut MutationCx, id: TicketFormId, workspace: WorkspaceId) -> Result<bool> {
    let form = ticket_forms::table
        .find(id)
        .filter(ticket_forms::workspace_id.eq(workspace))
        .select(ticket_forms::id)
        .for_key_share()
        .first::<TicketFormId>(cx.connection().await?)
        .await
        .optional()?;
    Ok(form.is_some())
}
