//! Tickets: who may submit, see and change them, and whom a change is told.
//!
//! Nothing moves a ticket on its own: neither its comments nor its conversation change its status.

pub mod notify;
pub(crate) mod queries;
pub(crate) mod rows;
pub(crate) mod store;

use std::sync::Arc;

use std::collections::HashMap;

use opencom_contract::messages::MessageAttachment;
use opencom_contract::tickets::{
    Assignee, Create, Get, List, TicketDetail, TicketPriority, TicketStatus, TicketView, Update,
};
use opencom_core::error::OrNotFound;
use opencom_core::id::{SupportAttachmentId, TicketId, VisitorId};
use opencom_core::{Code, Error, Permission, Result};
use opencom_runtime::{ActionCx, Handle, MutationCx, Perform, QueryCx, Registry, ScopedFutureExt};

use self::notify::{Actor, Cause, NotifyTicket};
use self::rows::{CommentRow, NewTicket, TicketEntry};
use crate::support_attachments::binding;
use crate::support_attachments::rows::{Target, Uploader};
use crate::{Inbox, conversations, support_attachments, visitors};

/// The most tickets in one answer of `tickets:list`.
const LIST_LIMIT: i64 = 1000;
/// The most comments of a ticket in one answer.
const COMMENT_LIMIT: i64 = 10_000;

pub(crate) fn register_jobs(service: &Arc<Inbox>, registry: &mut Registry) {
    registry.job::<NotifyTicket, _>(service);
}

impl Handle<List> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: List) -> Result<Vec<TicketView>> {
        cx.require(Permission::ConversationsRead, req.workspace_id).await?;
        let entries = queries::by_workspace(cx, &req, LIST_LIMIT).await?;
        let ids: Vec<_> = (entries.iter())
            .filter_map(|entry| entry.0.attachment_ids.as_deref())
            .flatten()
            .copied()
            .collect();
        let attachments = support_attachments::shown(cx, &ids).await?;
        Ok(entries.into_iter().map(|entry| view(entry, &attachments)).collect())
    }
}

impl Handle<Get> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: Get) -> Result<Option<TicketDetail>> {
        let is_agent = cx.agent_if_any().await?.is_some();
        let session = if is_agent {
            None
        } else {
            Some(cx.session_by_token(req.session_token.as_deref()).await?)
        };
        let Some(entry) = queries::entry(cx, req.id).await? else {
            return Ok(None);
        };
        match session {
            None => {
                cx.require(Permission::ConversationsRead, entry.0.workspace_id).await?;
            }
            Some(session) => {
                let visitor = session.in_workspace(entry.0.workspace_id, cx.now())?.visitor_id;
                if entry.0.visitor_id != Some(visitor) || !names(cx, req.visitor_id, visitor).await? {
                    return Err(not_theirs());
                }
            }
        }
        let conversation = match entry.0.conversation_id {
            Some(id) => conversations::queries::by_id(cx, id).await?,
            None => None,
        };
        let comments = queries::comments(cx, req.id, is_agent, COMMENT_LIMIT).await?;
        let ids: Vec<_> = std::iter::once(&entry.0.attachment_ids)
            .chain(comments.iter().map(|comment| &comment.attachment_ids))
            .flatten()
            .flatten()
            .copied()
            .collect();
        let attachments = support_attachments::shown(cx, &ids).await?;
        let mut view = view(entry, &attachments);
        if !is_agent {
            view.assignee = view.assignee.map(for_visitors);
        }
        let comment = |row: CommentRow| {
            let shown = pick(row.attachment_ids.as_deref(), &attachments);
            row.into_comment(shown)
        };
        Ok(Some(TicketDetail {
            view,
            conversation: conversation.map(Into::into),
            comments: comments.into_iter().map(comment).collect(),
        }))
    }
}

impl Handle<Create> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: Create) -> Result<TicketId> {
        let (uploader, visitor) = submitter(cx, &req).await?;
        if let Some(visitor) = visitor
            && !conversations::queries::lock_visitor(cx, visitor, req.workspace_id).await?
        {
            return Err(Error::new(Code::NotFound, "Visitor not found in workspace"));
        }
        if let Some(form) = req.form_id {
            queries::form_exists(cx, form, req.workspace_id)
                .await?
                .then_some(())
                .or_not_found("Ticket form")?;
        }
        let id = TicketId::generate();
        let attachments = match &req.attachment_ids {
            Some(ids) => binding::bind(cx, ids, req.workspace_id, uploader, Target::Ticket(id)).await?,
            None => Vec::new(),
        };
        let ticket = NewTicket {
            id,
            workspace_id: req.workspace_id,
            visitor_id: visitor,
            subject: &req.subject,
            description: req.description.as_deref(),
            status: TicketStatus::Submitted,
            priority: req.priority.unwrap_or(TicketPriority::Normal),
            form_id: req.form_id,
            form_data: req.form_data.as_ref(),
            attachment_ids: Some(attachments.as_slice()).filter(|attachments| !attachments.is_empty()),
            created_at: cx.now(),
            updated_at: cx.now(),
        };
        store::insert(cx, &ticket).await?;
        let actor = visitor.map_or(Actor::System, Actor::Visitor);
        cx.enqueue(&NotifyTicket::new(id, actor, Cause::Created))?;
        Ok(id)
    }
}

impl Handle<Update> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: Update) -> Result<TicketId> {
        cx.agent().await?;
        let workspace = queries::workspace_of(cx, req.id).await?.or_not_found("Ticket")?;
        let agent = cx.require(Permission::ConversationsReply, workspace).await?;
        if let Some(assignee) = req.assignee_id
            && cx.membership(assignee, workspace).await?.is_none()
        {
            return Err(Error::invalid(
                "assigneeId",
                "Assignee is not a member of this workspace",
            ));
        }
        // What changes is decided under the lock, so that two who do the same at once tell of it once.
        let before = queries::lock(cx, req.id).await?.or_not_found("Ticket")?;
        store::update(cx, workspace, &req).await?;
        let actor = Actor::User(agent.id);
        if let Some(status) = req.status.filter(|status| *status != before.status)
            && before.visitor_id.is_some()
        {
            let cause = Cause::StatusChanged {
                from: before.status,
                to: status,
                at: cx.now(),
            };
            cx.enqueue(&NotifyTicket::new(req.id, actor, cause))?;
        }
        if let Some(assignee) = req.assignee_id.filter(|assignee| Some(*assignee) != before.assignee_id) {
            cx.enqueue(&NotifyTicket::new(req.id, actor, Cause::Assigned { to: assignee }))?;
        }
        Ok(req.id)
    }
}

impl Perform<NotifyTicket> for Inbox {
    async fn perform(&self, cx: &mut ActionCx, job: NotifyTicket) -> Result<()> {
        cx.transaction(|cx| notify::tell(cx, &job).scope_boxed()).await
    }
}

fn not_theirs() -> Error {
    Error::not_authorized("Not authorized to access this ticket")
}

/// Whether a bare visitor id, if there is one, stands for the visitor of a session.
async fn names(cx: &mut QueryCx, named: Option<VisitorId>, visitor: VisitorId) -> Result<bool> {
    match named {
        Some(named) => Ok(visitors::queries::resolve_alias(cx, named).await? == visitor),
        None => Ok(true),
    }
}

/// Who submits a ticket, and whose it will be: a signed-in agent, who may name a visitor, or the visitor of a token.
async fn submitter(cx: &mut MutationCx, req: &Create) -> Result<(Uploader, Option<VisitorId>)> {
    if cx.agent_if_any().await?.is_some() {
        let agent = cx.require(Permission::ConversationsReply, req.workspace_id).await?;
        return Ok((Uploader::Agent(agent.id), req.visitor_id));
    }
    let session = cx.visitor(req.session_token.as_deref(), req.workspace_id).await?;
    if !names(cx, req.visitor_id, session.visitor_id).await? {
        return Err(not_theirs());
    }
    Ok((Uploader::Visitor(session.visitor_id), Some(session.visitor_id)))
}

/// A ticket as lists show it.
fn view(
    (ticket, visitor, assignee): TicketEntry,
    attachments: &HashMap<SupportAttachmentId, MessageAttachment>,
) -> TicketView {
    TicketView {
        attachments: pick(ticket.attachment_ids.as_deref(), attachments),
        ticket: ticket.into(),
        visitor: visitor.map(Into::into),
        assignee: assignee.map(Into::into),
    }
}

/// The attachments with these ids that are there, in their order.
fn pick(
    ids: Option<&[SupportAttachmentId]>,
    attachments: &HashMap<SupportAttachmentId, MessageAttachment>,
) -> Vec<MessageAttachment> {
    let found = ids.into_iter().flatten().filter_map(|id| attachments.get(id));
    found.cloned().collect()
}

/// What visitors see of whoever has their ticket.
fn for_visitors(assignee: Assignee) -> Assignee {
    Assignee {
        creation_time: None,
        email: None,
        workspace_id: None,
        role: None,
        created_at: None,
        ..assignee
    }
}
