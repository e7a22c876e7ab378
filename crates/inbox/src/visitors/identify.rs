//! `visitors:identify`: says who a visitor is, and makes two of them one when they share an address.

use crate::limits;
use opencom_contract::visitors::{Identify, Visitor, VisitorChange, VisitorChanged};
use opencom_core::error::OrNotFound;
use opencom_core::id::VisitorId;
use opencom_core::{Error, Result};
use opencom_runtime::MutationCx;
use opencom_runtime::access::SessionError;
use opencom_runtime::database::overtaken;

use super::rows::{Details, IdentityMark, VisitorRow};
use super::store::Patch;
use super::{changes, merge, merge_store, queries, store};
use crate::given::given;
use crate::identity::{self, Identity};
use crate::{Inbox, workspace_settings};

impl Inbox {
    pub(super) async fn identify(&self, cx: &mut MutationCx, req: &Identify) -> Result<Visitor> {
        cx.count_address(limits::IDENTIFY)?;
        let source = source(cx, req).await?;
        let settings =
            workspace_settings::admitting_origin(cx, source.workspace_id, given(req.origin.as_ref())).await?;
        let details = Details::from(req);
        let identity = identity::check(
            cx,
            &settings,
            details.external_user_id,
            given(req.user_hash.as_ref()),
            "Identity verification failed",
        )?;
        let patch = Patch {
            details,
            attributes: req.custom_attributes.as_ref(),
            mark: IdentityMark::of(identity, cx.now()),
        };
        // An address is no proof: where proofs are required, it joins visitors only beside one.
        let may_merge = identity == Identity::Verified || !settings.requires_verified_identity();
        let survivor = if may_merge {
            survivor(cx, &source, details.email).await?
        } else {
            None
        };
        match survivor {
            Some(survivor) => self.merge(cx, source.id, survivor, &patch).await,
            None => self.patch(cx, source.id, &patch).await,
        }
    }

    async fn patch(&self, cx: &mut MutationCx, id: VisitorId, patch: &Patch<'_>) -> Result<Visitor> {
        let locked = merge_store::lock(cx, &[id]).await?;
        let [before] = &locked[..] else {
            return Err(overtaken("a merge of the visitor"));
        };
        let after = store::update(cx, id, None, patch).await?.or_not_found("Visitor")?;
        tell(cx, id, changes::between(before, &after)).await?;
        Ok(after.into())
    }

    async fn merge(
        &self,
        cx: &mut MutationCx,
        source: VisitorId,
        survivor: VisitorId,
        patch: &Patch<'_>,
    ) -> Result<Visitor> {
        let locked = merge_store::lock(cx, &[source, survivor]).await?;
        let row = |id| locked.iter().find(|row| row.id == id);
        let (Some(source), Some(survivor)) = (row(source), row(survivor)) else {
            return Err(overtaken("another merge of one of the visitors"));
        };
        if patch.details.email.is_none_or(|email| !has_address(survivor, email)) {
            return Err(overtaken("a new address of the survivor"));
        }
        let merged = merge::survivor_after(source, survivor, patch, cx.now());
        if let Some(attributes) = &merged.custom_attributes {
            store::check_size(attributes)?;
        }
        let moved = merge_store::move_links(cx, source, survivor.id).await?;
        let after = merge_store::end(cx, source, survivor.id, &merged).await?;
        tell(cx, after.id, changes::between(survivor, &after)).await?;
        cx.call(merge::audit_entry(source, &after, &moved, cx.now())).await?;
        Ok(after.into())
    }
}

async fn tell(cx: &mut MutationCx, visitor_id: VisitorId, changes: Vec<VisitorChange>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    cx.emit(&VisitorChanged { visitor_id, changes }).await
}

/// The visitor who identifies: the token's, else the one named.
async fn source(cx: &mut MutationCx, req: &Identify) -> Result<VisitorRow> {
    let token = given(req.session_token.as_ref());
    if token.is_none() && cx.server().strict_visitors {
        return Err(SessionError::Missing.into());
    }
    let id = req
        .visitor_id
        .ok_or_else(|| Error::invalid("visitorId", "Visitor ID required"))?;
    if token.is_some() {
        // Strangers do not learn which visitors there are.
        cx.session_by_token(token).await?;
    }
    let named = queries::by_id_or_alias(cx, id).await?.or_not_found("Visitor")?;
    if token.is_none() {
        return Ok(named);
    }
    let session = cx.visitor(token, named.workspace_id).await?;
    if session.visitor_id == named.id {
        return Ok(named);
    }
    queries::by_id_or_alias(cx, session.visitor_id)
        .await?
        .or_not_found("Visitor")
}

/// The visitor that `source` becomes by an address that is new to it.
async fn survivor(cx: &mut MutationCx, source: &VisitorRow, email: Option<&str>) -> Result<Option<VisitorId>> {
    let Some(email) = email.filter(|email| !has_address(source, email)) else {
        return Ok(None);
    };
    store::lock_email(cx, source.workspace_id, email).await?;
    queries::oldest_by_email(cx, source.workspace_id, email, Some(source.id)).await
}

fn has_address(row: &VisitorRow, email: &str) -> bool {
    row.email
        .as_ref()
        .is_some_and(|own| own.to_lowercase() == email.to_lowercase())
}
