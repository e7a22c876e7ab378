//! What becomes of two visitors that are one, as plain values.

use opencom_contract::audit_logs::InternalRecord;
use opencom_core::Millis;
use serde_json::json;

use super::merge_store::Moved;
use super::rows::{IdentityMark, MergedVisitor, VisitorRow};
use super::store::Patch;
use crate::readable_id;

/// What the survivor gets: what the call says, else what only the source has. The survivor keeps its address, its
/// session id and everything else of its own.
pub(super) fn survivor_after(
    source: &VisitorRow,
    survivor: &VisitorRow,
    patch: &Patch<'_>,
    now: Millis,
) -> MergedVisitor {
    let said = patch.details;
    let external_user_id = choose_text(
        said.external_user_id,
        &survivor.external_user_id,
        &source.external_user_id,
    );
    let mark = carried_mark(source, survivor, external_user_id.as_ref(), patch.mark);
    let layers =
        [&source.custom_attributes, &survivor.custom_attributes].map(|stored| stored.clone().unwrap_or_default());
    let [lowest, middle] = layers;
    let stored = lowest.overlaid_by(&middle);
    let attributes = match patch.attributes {
        Some(upper) => stored.overlaid_by(upper),
        None => stored,
    };
    MergedVisitor {
        readable_id: survivor
            .readable_id
            .is_none()
            .then(|| readable_id::of_visitor(survivor.id)),
        name: choose_text(said.name, &survivor.name, &source.name),
        external_user_id,
        location: choose(said.location, &survivor.location, &source.location),
        device: choose(said.device, &survivor.device, &source.device),
        referrer: choose_text(said.referrer, &survivor.referrer, &source.referrer),
        current_url: choose_text(said.current_url, &survivor.current_url, &source.current_url),
        custom_attributes: (!attributes.is_empty()).then_some(attributes),
        first_seen_at: [source.first_seen_at, survivor.first_seen_at]
            .into_iter()
            .flatten()
            .min(),
        // Later than every heartbeat of both, so that there is no heartbeat to carry over.
        last_seen_at: now,
        created_at: source.created_at.min(survivor.created_at),
        identity_verified: mark.identity_verified,
        identity_verified_at: mark.identity_verified_at,
    }
}

/// `None`: what the survivor has stays.
fn choose<T: Clone>(said: Option<&T>, survivor: &Option<T>, source: &Option<T>) -> Option<T> {
    said.cloned()
        .or_else(|| if survivor.is_none() { source.clone() } else { None })
}

fn choose_text(said: Option<&str>, survivor: &Option<String>, source: &Option<String>) -> Option<String> {
    let has_one = survivor.as_ref().is_some_and(|text| !text.is_empty());
    said.map(str::to_owned)
        .or_else(|| if has_one { None } else { source.clone() })
}

/// The verdict of this call; without one, what was proven for the source, when the survivor takes over the very
/// external id that it was proven for.
fn carried_mark(
    source: &VisitorRow,
    survivor: &VisitorRow,
    new_external_user_id: Option<&String>,
    said: IdentityMark,
) -> IdentityMark {
    let external_user_id = new_external_user_id.or(survivor.external_user_id.as_ref());
    let proven = source.identity_verified == Some(true)
        && survivor.identity_verified != Some(true)
        && source.external_user_id.is_some()
        && source.external_user_id.as_ref() == external_user_id;
    if said == IdentityMark::default() && proven {
        IdentityMark {
            identity_verified: Some(true),
            identity_verified_at: source.identity_verified_at,
        }
    } else {
        said
    }
}

/// The entry that tells of a merge.
pub(super) fn audit_entry(source: &VisitorRow, survivor: &VisitorRow, moved: &Moved, now: Millis) -> InternalRecord {
    InternalRecord::builder()
        .workspace_id(survivor.workspace_id)
        .action("visitor.merged")
        .resource_type("visitor")
        .resource_id(survivor.id.to_string())
        .metadata(json!({
            "sourceVisitorId": source.id,
            "sourceVisitorReadableId": readable_id_of(source),
            "targetVisitorId": survivor.id,
            "targetVisitorReadableId": readable_id_of(survivor),
            "workspaceId": survivor.workspace_id,
            "reason": "email_match",
            "mergedAt": now,
            "reassignedConversations": moved.conversations,
            "reassignedSessions": moved.sessions,
            "migratedPushTokens": 0,
            "reassignedEvents": 0,
        }))
        .build()
}

fn readable_id_of(row: &VisitorRow) -> String {
    row.readable_id
        .clone()
        .unwrap_or_else(|| readable_id::of_visitor(row.id))
}
