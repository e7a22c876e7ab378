//! Rows of `visitors`.

use diesel::prelude::*;
use opencom_contract::visitors::{Device, Identify, Location, Visitor};
use opencom_contract::widget_sessions::Boot;
use opencom_core::id::{UserId, VisitorId, WorkspaceId};
use opencom_core::{Attributes, Millis};
use opencom_schema::visitors;

use crate::given::given;
use crate::identity::Identity;

/// A visitor's row.
#[derive(Clone, Debug, PartialEq, HasQuery, QueryableByName)]
#[diesel(table_name = visitors)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct VisitorRow {
    pub(crate) id: VisitorId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) session_id: String,
    pub(crate) user_id: Option<UserId>,
    pub(crate) readable_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) external_user_id: Option<String>,
    pub(crate) location: Option<Location>,
    pub(crate) device: Option<Device>,
    pub(crate) referrer: Option<String>,
    pub(crate) current_url: Option<String>,
    pub(crate) custom_attributes: Option<Attributes>,
    pub(crate) first_seen_at: Option<Millis>,
    pub(crate) last_seen_at: Option<Millis>,
    pub(crate) created_at: Millis,
    pub(crate) identity_verified: Option<bool>,
    pub(crate) identity_verified_at: Option<Millis>,
}

impl From<VisitorRow> for Visitor {
    fn from(row: VisitorRow) -> Self {
        Self {
            id: row.id,
            creation_time: row.created_at,
            session_id: row.session_id,
            workspace_id: row.workspace_id,
            user_id: row.user_id,
            readable_id: row.readable_id,
            email: row.email,
            name: row.name,
            external_user_id: row.external_user_id,
            location: row.location,
            device: row.device,
            referrer: row.referrer,
            current_url: row.current_url,
            custom_attributes: row.custom_attributes,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
            created_at: row.created_at,
            identity_verified: row.identity_verified,
            identity_verified_at: row.identity_verified_at,
        }
    }
}

/// What a call says about a visitor. What it does not say stays as it is.
#[derive(Clone, Copy, Debug, Default, Insertable)]
#[diesel(table_name = visitors)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct Details<'a> {
    pub(crate) email: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) external_user_id: Option<&'a str>,
    pub(crate) location: Option<&'a Location>,
    pub(crate) device: Option<&'a Device>,
    pub(crate) referrer: Option<&'a str>,
    pub(crate) current_url: Option<&'a str>,
}

/// What the check of a user hash leaves on the visitor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Insertable, AsChangeset)]
#[diesel(table_name = visitors)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct IdentityMark {
    pub(crate) identity_verified: Option<bool>,
    pub(crate) identity_verified_at: Option<Millis>,
}

impl IdentityMark {
    /// The mark of a check at `now`. A failed one leaves the time of the last success.
    pub(crate) fn of(identity: Identity, now: Millis) -> Self {
        match identity {
            Identity::Unchecked => Self::default(),
            Identity::Verified => Self {
                identity_verified: Some(true),
                identity_verified_at: Some(now),
            },
            Identity::Wrong => Self {
                identity_verified: Some(false),
                identity_verified_at: None,
            },
        }
    }
}

/// What a merge writes to the survivor; `None` leaves a column as it is.
#[derive(Clone, Debug, PartialEq, AsChangeset)]
#[diesel(table_name = visitors)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct MergedVisitor {
    pub(crate) readable_id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) external_user_id: Option<String>,
    pub(crate) location: Option<Location>,
    pub(crate) device: Option<Device>,
    pub(crate) referrer: Option<String>,
    pub(crate) current_url: Option<String>,
    pub(crate) custom_attributes: Option<Attributes>,
    pub(crate) first_seen_at: Option<Millis>,
    pub(crate) last_seen_at: Millis,
    pub(crate) created_at: Millis,
    pub(crate) identity_verified: Option<bool>,
    pub(crate) identity_verified_at: Option<Millis>,
}

impl<'a> From<&'a Boot> for Details<'a> {
    fn from(req: &'a Boot) -> Self {
        Self {
            email: given(req.email.as_ref()),
            name: given(req.name.as_ref()),
            external_user_id: given(req.external_user_id.as_ref()),
            location: req.location.as_ref(),
            device: req.device.as_ref(),
            referrer: given(req.referrer.as_ref()),
            current_url: given(req.current_url.as_ref()),
        }
    }
}

impl<'a> From<&'a Identify> for Details<'a> {
    fn from(req: &'a Identify) -> Self {
        Self {
            email: given(req.email.as_ref()),
            name: given(req.name.as_ref()),
            external_user_id: given(req.external_user_id.as_ref()),
            location: req.location.as_ref(),
            device: req.device.as_ref(),
            referrer: given(req.referrer.as_ref()),
            current_url: given(req.current_url.as_ref()),
        }
    }
}
