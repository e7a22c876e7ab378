//! Visitors: the people on a customer's website or in a customer's app.

mod changes;
mod identify;
mod merge;
mod merge_store;
pub(crate) mod queries;
pub(crate) mod rows;
pub(crate) mod store;

use async_trait::async_trait;
use opencom_contract::visitors;
use opencom_contract::visitors::Visitor;
use opencom_core::error::OrNotFound;
use opencom_core::{Code, Error, Int, Millis, Permission, Result};
use opencom_runtime::limits::Limit;
use opencom_runtime::registry::Registration;
use opencom_runtime::{MutationCx, QueryCx};

use crate::{Inbox, InboxService, workspace_settings};
use rows::{VisitorRow, given};

/// A visitor is online for this long after its last sign of life.
const ONLINE_FOR: i64 = 2 * Millis::MINUTE;

/// The functions of `visitors`.
#[async_trait]
pub trait Visitors: Send + Sync {
    /// A visitor, for members of its workspace; `None` for everybody else. An id that was merged away is gone.
    async fn visitors_get(&self, cx: &mut QueryCx, req: visitors::Get) -> Result<Option<Visitor>>;

    /// The oldest visitor with a session id, for whoever knows it.
    async fn visitors_get_by_session(&self, cx: &mut QueryCx, req: visitors::GetBySession) -> Result<Option<Visitor>>;

    /// Writes what the call says to the visitor of the token, or the named one. By the address of another visitor of
    /// the workspace the two become one: that one survives and gets conversations and sessions of the other.
    ///
    /// # Errors
    /// What [`SessionRefusal`](opencom_runtime::access::SessionRefusal) says of the token; `INVALID_INPUT` without a
    /// visitor's id or with too many attributes; `NOT_FOUND`; `NOT_AUTHORIZED` for the origin and for an external id
    /// that is not proven where it has to be; `RATE_LIMITED`.
    async fn visitors_identify(&self, cx: &mut MutationCx, req: visitors::Identify) -> Result<Visitor>;

    /// Replaces a visitor's location, for the visitor and for agents with `users.read`.
    ///
    /// # Errors
    /// `NOT_FOUND`; `PERMISSION_DENIED` for agents; for everybody else what the token is refused for, and
    /// `NOT_AUTHORIZED` for another visitor's.
    async fn visitors_update_location(&self, cx: &mut MutationCx, req: visitors::UpdateLocation) -> Result<()>;

    /// Notes that the visitor is there. Does nothing for sessions that are over and for visitors that are gone.
    ///
    /// # Errors
    /// `NOT_AUTHORIZED` for the origin.
    async fn visitors_heartbeat(&self, cx: &mut MutationCx, req: visitors::Heartbeat) -> Result<()>;

    /// Visitors of a workspace, newest first, for agents with `users.read`; nothing for everybody else.
    async fn visitors_list(&self, cx: &mut QueryCx, req: visitors::List) -> Result<Vec<Visitor>>;

    /// Visitors by words of their name or by their address, for agents with `users.read`; nothing for everybody else.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    async fn visitors_search(&self, cx: &mut QueryCx, req: visitors::Search) -> Result<Vec<Visitor>>;

    /// Whether the visitor was seen within the last two minutes, for everyone.
    async fn visitors_is_online(&self, cx: &mut QueryCx, req: visitors::IsOnline) -> Result<bool>;
}

#[async_trait]
impl Visitors for Inbox {
    async fn visitors_get(&self, cx: &mut QueryCx, req: visitors::Get) -> Result<Option<Visitor>> {
        if cx.agent_if_any().await?.is_none() {
            return Ok(None);
        }
        let Some(row) = queries::seen_by_id(cx, req.id).await? else {
            return Ok(None);
        };
        let member = cx.member_if_any(row.workspace_id).await?;
        Ok(member.map(|_| row.into()))
    }

    async fn visitors_get_by_session(&self, cx: &mut QueryCx, req: visitors::GetBySession) -> Result<Option<Visitor>> {
        Ok(queries::seen_by_session(cx, &req.session_id).await?.map(Visitor::from))
    }

    async fn visitors_identify(&self, cx: &mut MutationCx, req: visitors::Identify) -> Result<Visitor> {
        self.identify(cx, &req).await
    }

    async fn visitors_update_location(&self, cx: &mut MutationCx, req: visitors::UpdateLocation) -> Result<()> {
        let token = given(req.session_token.as_ref());
        let is_agent = cx.agent_if_any().await?.is_some();
        if !is_agent {
            // Strangers do not learn which visitors there are.
            cx.session_by_token(token).await??;
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

    async fn visitors_heartbeat(&self, cx: &mut MutationCx, req: visitors::Heartbeat) -> Result<()> {
        let token = given(req.session_token.as_ref());
        let Some(named) = req.visitor_id else { return Ok(()) };
        if token.is_none() && cx.server().strict_visitors {
            return Ok(());
        }
        let Some((mut visitor, workspace)) = queries::home(cx, named).await? else {
            return Ok(());
        };
        if token.is_some() {
            let Ok(session) = cx.visitor_session(token, workspace).await? else {
                return Ok(());
            };
            visitor = session.visitor_id;
        }
        workspace_settings::admitting_origin(cx, workspace, given(req.origin.as_ref())).await?;
        store::beat(cx, visitor).await
    }

    async fn visitors_list(&self, cx: &mut QueryCx, req: visitors::List) -> Result<Vec<Visitor>> {
        if !cx.has(Permission::UsersRead, req.workspace_id).await? {
            return Ok(Vec::new());
        }
        let limit = req.limit.map_or(100, |Int(limit)| limit.clamp(1, 1000));
        Ok(to_contract(
            queries::newest(cx, req.workspace_id, req.cursor, limit).await?,
        ))
    }

    async fn visitors_search(&self, cx: &mut QueryCx, req: visitors::Search) -> Result<Vec<Visitor>> {
        if !cx.has(Permission::UsersRead, req.workspace_id).await? {
            return Ok(Vec::new());
        }
        let text = req.query.trim();
        if text.chars().nth(1).is_none() {
            return Ok(Vec::new());
        }
        cx.count_caller(Limit::Search)?;
        let limit = req.limit.map_or(20, |Int(limit)| limit.clamp(1, 50));
        Ok(to_contract(queries::search(cx, req.workspace_id, text, limit).await?))
    }

    async fn visitors_is_online(&self, cx: &mut QueryCx, req: visitors::IsOnline) -> Result<bool> {
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

pub(crate) fn register(of: &mut Registration<'_, dyn InboxService>) -> Result<()> {
    of.query::<visitors::Get>(|s, cx, req| s.visitors_get(cx, req))
        .query::<visitors::GetBySession>(|s, cx, req| s.visitors_get_by_session(cx, req))
        .mutation::<visitors::Identify>(|s, cx, req| s.visitors_identify(cx, req))
        .mutation::<visitors::UpdateLocation>(|s, cx, req| s.visitors_update_location(cx, req))
        .mutation::<visitors::Heartbeat>(|s, cx, req| s.visitors_heartbeat(cx, req))
        .query::<visitors::List>(|s, cx, req| s.visitors_list(cx, req))
        .query::<visitors::Search>(|s, cx, req| s.visitors_search(cx, req))
        .query::<visitors::IsOnline>(|s, cx, req| s.visitors_is_online(cx, req));
    Ok(())
}
