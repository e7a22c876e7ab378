//! Substitutes for functions of other contexts: they change the rows that the help center reads, and emit the events that it
//! listens to.

use std::sync::Arc;

use diesel::prelude::*;
use opencom_contract::articles::{InternalOldestPublicWorkspace, InternalWorkspacesWithSlug};
use opencom_contract::done::Done;
use opencom_contract::snippets::{self, SnippetRemoved, SnippetSaved};
use opencom_contract::visitors::{Heartbeat, Identify, Visitor};
use opencom_contract::workspaces::{GetPublicWorkspaceContext, HelpCenterAccessPolicy, PublicWorkspaceContext};
use opencom_core::id::{SnippetId, VisitorId, WorkspaceId};
use opencom_core::{Error, Millis, Result};
use opencom_runtime::{Context, Handle, MutationCx, QueryCx, Registry, RunQueryDsl, Topic, topic};
use opencom_schema::{
    snippets as snippet_rows, visitor_aliases, visitor_presence, visitors, widget_sessions, workspaces,
};
use opencom_testkit::Kit;

pub(crate) struct Neighbours;

impl Context for Neighbours {
    fn register(self: Arc<Self>, registry: &mut Registry) -> Result<()> {
        registry.function::<Identify, _>(&self);
        registry.function::<Heartbeat, _>(&self);
        registry.function::<GetPublicWorkspaceContext, _>(&self);
        registry.function::<snippets::Create, _>(&self);
        registry.function::<snippets::Update, _>(&self);
        registry.function::<snippets::Remove, _>(&self);
        Ok(())
    }
}

impl Handle<Identify> for Neighbours {
    async fn handle(&self, cx: &mut MutationCx, req: Identify) -> Result<Visitor> {
        let id = req.visitor_id.ok_or_else(|| Error::not_found("Visitor"))?;
        cx.write(Topic::new("inbox.visitor", id));
        let row: (WorkspaceId, String, Millis) = diesel::update(visitors::table.find(id))
            .set((
                req.email.map(|email| visitors::email.eq(email)),
                req.name.map(|name| visitors::name.eq(name)),
                req.custom_attributes
                    .map(|attributes| visitors::custom_attributes.eq(attributes)),
                // A change there is in any case.
                visitors::last_seen_at.eq(cx.now()),
            ))
            .returning((visitors::workspace_id, visitors::session_id, visitors::created_at))
            .get_result(cx.connection().await?)
            .await?;
        Ok(visitor(id, row))
    }
}

fn visitor(id: VisitorId, (workspace_id, session_id, created_at): (WorkspaceId, String, Millis)) -> Visitor {
    Visitor {
        id,
        creation_time: created_at,
        session_id,
        workspace_id,
        user_id: None,
        readable_id: None,
        email: None,
        name: None,
        external_user_id: None,
        location: None,
        device: None,
        referrer: None,
        current_url: None,
        custom_attributes: None,
        first_seen_at: None,
        last_seen_at: None,
        created_at,
        identity_verified: None,
        identity_verified_at: None,
    }
}

impl Handle<Heartbeat> for Neighbours {
    async fn handle(&self, cx: &mut MutationCx, req: Heartbeat) -> Result<()> {
        let id = req.visitor_id.ok_or_else(|| Error::not_found("Visitor"))?;
        let now = cx.now();
        cx.write(Topic::new("inbox.presence", id));
        let workspace: WorkspaceId = visitors::table
            .find(id)
            .select(visitors::workspace_id)
            .first(cx.connection().await?)
            .await?;
        diesel::insert_into(visitor_presence::table)
            .values((
                visitor_presence::visitor_id.eq(id),
                visitor_presence::workspace_id.eq(workspace),
                visitor_presence::last_seen_at.eq(now),
            ))
            .on_conflict(visitor_presence::visitor_id)
            .do_update()
            .set(visitor_presence::last_seen_at.eq(now))
            .execute(cx.connection().await?)
            .await?;
        Ok(())
    }
}

impl Handle<GetPublicWorkspaceContext> for Neighbours {
    async fn handle(&self, cx: &mut QueryCx, req: GetPublicWorkspaceContext) -> Result<Option<PublicWorkspaceContext>> {
        let by_slug = match req.article_slug {
            Some(slug) => {
                cx.query(InternalWorkspacesWithSlug::builder().slug(slug).build())
                    .await?
            }
            None => Vec::new(),
        };
        let id = match by_slug[..] {
            [only] => Some(only),
            _ => cx.query(InternalOldestPublicWorkspace::default()).await?,
        };
        let Some(id) = id else { return Ok(None) };
        cx.read(topic::workspace(id));
        let (name, policy): (String, Option<HelpCenterAccessPolicy>) = workspaces::table
            .find(id)
            .select((workspaces::name, workspaces::help_center_access_policy))
            .first(cx.connection().await?)
            .await?;
        Ok(Some(PublicWorkspaceContext {
            id,
            name,
            help_center_access_policy: policy.unwrap_or(HelpCenterAccessPolicy::Public),
        }))
    }
}

impl Handle<snippets::Create> for Neighbours {
    async fn handle(&self, cx: &mut MutationCx, req: snippets::Create) -> Result<SnippetId> {
        let (id, workspace_id, now) = (SnippetId::generate(), req.workspace_id, cx.now());
        diesel::insert_into(snippet_rows::table)
            .values((
                snippet_rows::id.eq(id),
                snippet_rows::workspace_id.eq(workspace_id),
                snippet_rows::name.eq(req.name),
                snippet_rows::content.eq(req.content),
                snippet_rows::created_at.eq(now),
                snippet_rows::updated_at.eq(now),
            ))
            .execute(cx.connection().await?)
            .await?;
        cx.emit(&SnippetSaved { workspace_id, id }).await?;
        Ok(id)
    }
}

impl Handle<snippets::Update> for Neighbours {
    async fn handle(&self, cx: &mut MutationCx, req: snippets::Update) -> Result<SnippetId> {
        let id = req.id;
        let content = req.content.ok_or_else(|| Error::not_found("Content"))?;
        let workspace_id = diesel::update(snippet_rows::table.find(id))
            .set(snippet_rows::content.eq(content))
            .returning(snippet_rows::workspace_id)
            .get_result(cx.connection().await?)
            .await?;
        cx.emit(&SnippetSaved { workspace_id, id }).await?;
        Ok(id)
    }
}

impl Handle<snippets::Remove> for Neighbours {
    async fn handle(&self, cx: &mut MutationCx, req: snippets::Remove) -> Result<Done> {
        let id = req.id;
        let workspace_id = diesel::delete(snippet_rows::table.find(id))
            .returning(snippet_rows::workspace_id)
            .get_result(cx.connection().await?)
            .await?;
        cx.emit(&SnippetRemoved { workspace_id, id }).await?;
        Ok(Done::DONE)
    }
}

/// Merges a visitor into another one: its sessions are the other's, its id an alias.
pub(crate) async fn merge(kit: &Kit, source: &opencom_testkit::Visitor, target: &opencom_testkit::Visitor) {
    let connection = &kit.connection().await;
    let workspace: WorkspaceId = visitors::table
        .find(source.id)
        .select(visitors::workspace_id)
        .first(connection)
        .await
        .unwrap();
    diesel::update(widget_sessions::table.filter(widget_sessions::visitor_id.eq(source.id)))
        .set(widget_sessions::visitor_id.eq(target.id))
        .execute(connection)
        .await
        .unwrap();
    diesel::insert_into(visitor_aliases::table)
        .values((
            visitor_aliases::old_visitor_id.eq(source.id),
            visitor_aliases::workspace_id.eq(workspace),
            visitor_aliases::visitor_id.eq(target.id),
            visitor_aliases::created_at.eq(kit.clock.now()),
        ))
        .execute(connection)
        .await
        .unwrap();
    diesel::delete(visitors::table.find(source.id))
        .execute(connection)
        .await
        .unwrap();
}
