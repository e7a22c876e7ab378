//! Visitors: the people on a customer's website or in a customer's app.

mod changes;
mod identify;
mod merge;
mod merge_store;
pub(crate) mod queries;
pub(crate) mod rows;
pub(crate) mod store;

use crate::limits;
use opencom_contract::visitors;
use opencom_contract::visitors::Visitor;
use opencom_core::error::OrNotFound;
use opencom_core::{Code, Error, Int, Millis, Permission, Result};
use opencom_runtime::{Handle, MutationCx, QueryCx};

use self::rows::VisitorRow;
use crate::given::given;
use crate::{Inbox, workspace_settings};

/// A visitor is online for this long after its last sign of life.
const ONLINE_FOR: i64 = 2 * Millis::MINUTE;

impl Handle<visitors::Get> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: visitors::Get) -> Result<Option<Visitor>> {
        if cx.agent_if_any().await?.is_none() {
            return Ok(None);
        }
        let Some(row) = queries::seen_by_id(cx, req.id).await? else {
            return Ok(None);
        };
        let member = cx.member_if_any(row.workspace_id).await?;
        Ok(member.map(|_| row.into()))
    }
}

impl Handle<visitors::GetBySession> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: visitors::GetBySession) -> Result<Option<Visitor>> {
        Ok(queries::seen_by_session(cx, &req.session_id).await?.map(Visitor::from))
    }
}

impl Handle<visitors::Identify> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: visitors::Identify) -> Result<Visitor> {
        self.identify(cx, &req).await
    }
}

impl Handle<visitors::UpdateLocation> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: visitors::UpdateLocation) -> Result<()> {
        let token = given(req.session_token.as_ref());
        let is_agent = cx.agent_if_any().await?.is_some();
        if !is_agent {
            // Strangers do not learn which visitors there are.
            cx.session_by_token(token).await?;
        }
        let row = queries::by_id_or_alias(cx, req.visitor_id)
            .await?
            .or_not_found("Visitor")?;
        if is_agent {
            if !cx.has(Permission::UsersRead, row.workspace_id).await? {
                return Err(Error::new(Code::PermissionDenied, "Permission denied"));
            }
        } else if cx.visitor(token, row.workspace_id).await?.visitor_id != row.id {
            return Err(Error::not_authorized(
                "Not authorized to update location for this visitor",
            ));
        }
        store::set_location(cx, &row, &req.location).await
    }
}

impl Handle<visitors::Heartbeat> for Inbox {
    async fn handle(&self, cx: &mut MutationCx, req: visitors::Heartbeat) -> Result<()> {
        let token = given(req.session_token.as_ref());
        let Some(named) = req.visitor_id else { return Ok(()) };
        if token.is_none() && cx.server().strict_visitors {
            return Ok(());
        }
        let Some((mut visitor, workspace)) = queries::home(cx, named).await? else {
            return Ok(());
        };
        if token.is_some() {
            let Some(session) = cx.visitor_if_valid(token, workspace).await? else {
                return Ok(());
            };
            visitor = session.visitor_id;
        }
        workspace_settings::admitting_origin(cx, workspace, given(req.origin.as_ref())).await?;
        store::beat(cx, visitor).await
    }
}

impl Handle<visitors::List> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: visitors::List) -> Result<Vec<Visitor>> {
        if !cx.has(Permission::UsersRead, req.workspace_id).await? {
            return Ok(Vec::new());
        }
        let limit = req.limit.map_or(100, |Int(limit)| limit.clamp(1, 1000));
        Ok(to_contract(
            queries::newest(cx, req.workspace_id, req.cursor, limit).await?,
        ))
    }
}

impl Handle<visitors::Search> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: visitors::Search) -> Result<Vec<Visitor>> {
        if !cx.has(Permission::UsersRead, req.workspace_id).await? {
            return Ok(Vec::new());
        }
        let text = req.query.trim();
        if text.chars().nth(1).is_none() {
            return Ok(Vec::new());
        }
        cx.count_caller(limits::SEARCH)?;
        let limit = req.limit.map_or(20, |Int(limit)| limit.clamp(1, 50));
        Ok(to_contract(queries::search(cx, req.workspace_id, text, limit).await?))
    }
}

impl Handle<visitors::IsOnline> for Inbox {
    async fn handle(&self, cx: &mut QueryCx, req: visitors::IsOnline) -> Result<bool> {
        let seen = match queries::seen_by_id(cx, req.visitor_id).await? {
            Some(row) => Some(row),
            None => {
                let survivor = queries::resolve_alias(cx, req.visitor_id).await?;
                queries::seen_by_id(cx, survivor).await?
            }
        };
        let Some(until) = seen.and_then(|row| row.last_seen_at).map(|at| at.plus(ONLINE_FOR)) else {
            return Ok(false);
        };
        let online = cx.now() < until;
        if online {
            cx.holds_until(until);
        }
        Ok(online)
    }
}

fn to_contract(rows: Vec<VisitorRow>) -> Vec<Visitor> {
    rows.into_iter().map(Visitor::from).collect()
}
