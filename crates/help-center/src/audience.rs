//! For which visitor the help center is looked at, and what of it is for them.

use crate::topics;
use std::collections::HashMap;

use diesel::prelude::*;
use opencom_contract::events::{CountedWindow, InternalCount};
use opencom_contract::visitors::{Device, Location};
use opencom_core::audience::{EventCounts, Facts, Rule, Source};
use opencom_core::id::{VisitorId, WorkspaceId};
use opencom_core::{Attributes, Error, Int, Json, Millis, Permission, Result};
use opencom_runtime::QueryCx;
use opencom_runtime::RunQueryDsl;
use opencom_schema::{visitor_aliases, visitor_presence, visitors};

/// What audience rules may ask of a visitor.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = visitors)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct VisitorRow {
    id: VisitorId,
    email: Option<String>,
    name: Option<String>,
    external_user_id: Option<String>,
    referrer: Option<String>,
    first_seen_at: Option<Millis>,
    last_seen_at: Option<Millis>,
    device: Option<Device>,
    location: Option<Location>,
    custom_attributes: Option<Attributes>,
}

/// The visitor for whom somebody looks.
pub(crate) struct Audience {
    visitor: VisitorRow,
}

impl Audience {
    /// The visitor of a session, or whom a member with `articles.read` names; `None` when the workspace has no such
    /// visitor. `refusal` is what a session is told that names another visitor than its own.
    pub(crate) async fn of(
        cx: &mut QueryCx,
        workspace: WorkspaceId,
        named: Option<VisitorId>,
        token: Option<&str>,
        refusal: &'static str,
    ) -> Result<Option<Self>> {
        let visitor = if cx.agent_if_any().await?.is_some() {
            cx.require(Permission::ArticlesRead, workspace).await?;
            named
        } else {
            let session = cx.visitor(token, workspace).await?;
            if let Some(named) = named
                && named != session.visitor_id
                && stands_for(cx, named).await? != Some(session.visitor_id)
            {
                return Err(Error::not_authorized(refusal));
            }
            Some(session.visitor_id)
        };
        let Some(visitor) = visitor else { return Ok(None) };
        let row = by_id(cx, visitor, workspace).await?;
        Ok(row.map(|visitor| Self { visitor }))
    }

    /// The visitor.
    pub(crate) fn id(&self) -> VisitorId {
        self.visitor.id
    }

    /// For each of these stored rules whether the visitor is meant. Events are counted once for all of them.
    pub(crate) async fn admits(
        &self,
        cx: &mut QueryCx,
        stored: impl Iterator<Item = Option<&Json>>,
    ) -> Result<Vec<bool>> {
        let rules: Vec<Option<Rule>> = stored
            .map(|stored| stored.and_then(|rule| Rule::from_stored(rule.value())))
            .collect();
        let events = self.count_events(cx, &rules).await?;
        let asks_last_seen = |rule: &Rule| {
            rule.conditions()
                .any(|condition| condition.property.source == Source::System && condition.property.key == "lastSeenAt")
        };
        let last_seen_at = if rules.iter().flatten().any(asks_last_seen) {
            last_seen(cx, self.visitor.id).await?.max(self.visitor.last_seen_at)
        } else {
            None
        };
        let facts = Facts {
            last_seen_at,
            ..self.visitor.facts()
        };
        let admits = |rule: Option<Rule>| rule.is_none_or(|rule| rule.matches(&facts, &events));
        Ok(rules.into_iter().map(admits).collect())
    }

    async fn count_events(&self, cx: &mut QueryCx, rules: &[Option<Rule>]) -> Result<EventCounts> {
        let windows = rules.iter().flatten().flat_map(Rule::event_windows);
        let once: HashMap<_, _> = windows
            .map(|window| ((window.name.clone(), window.within_days.map(f64::to_bits)), window))
            .collect();
        let windows: Vec<_> = once.into_values().collect();
        let mut counts = EventCounts::default();
        if windows.is_empty() {
            return Ok(counts);
        }
        let counted = windows.iter().map(|window| CountedWindow {
            name: window.name.clone(),
            within_days: window.within_days,
        });
        let request = InternalCount::builder()
            .visitor_id(self.visitor.id)
            .windows(counted.collect())
            .build();
        let found = cx.query_if_served(request).await?.unwrap_or_default();
        for (window, Int(count)) in windows.iter().zip(found) {
            counts.insert(window, count.unsigned_abs());
        }
        Ok(counts)
    }
}

impl VisitorRow {
    fn facts(&self) -> Facts<'_> {
        let (device, location) = (self.device.as_ref(), self.location.as_ref());
        Facts {
            email: self.email.as_deref(),
            name: self.name.as_deref(),
            external_user_id: self.external_user_id.as_deref(),
            referrer: self.referrer.as_deref(),
            first_seen_at: self.first_seen_at,
            last_seen_at: self.last_seen_at,
            device_type: device.and_then(|device| device.device_type.as_deref()),
            browser: device.and_then(|device| device.browser.as_deref()),
            os: device.and_then(|device| device.os.as_deref()),
            country: location.and_then(|location| location.country.as_deref()),
            country_code: location.and_then(|location| location.country_code.as_deref()),
            city: location.and_then(|location| location.city.as_deref()),
            region: location.and_then(|location| location.region.as_deref()),
            custom: self.custom_attributes.as_ref(),
        }
    }
}

async fn by_id(cx: &mut QueryCx, visitor: VisitorId, workspace: WorkspaceId) -> Result<Option<VisitorRow>> {
    cx.read(topics::visitor(visitor));
    Ok(VisitorRow::query()
        .find(visitor)
        .filter(visitors::workspace_id.eq(workspace))
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// The visitor that one was merged into.
pub(crate) async fn stands_for(cx: &mut QueryCx, visitor: VisitorId) -> Result<Option<VisitorId>> {
    cx.read(topics::visitor_alias(visitor));
    Ok(visitor_aliases::table
        .find(visitor)
        .select(visitor_aliases::visitor_id)
        .first(cx.connection().await?)
        .await
        .optional()?)
}

/// The visitor's last heartbeat.
async fn last_seen(cx: &mut QueryCx, visitor: VisitorId) -> Result<Option<Millis>> {
    cx.read(topics::presence(visitor));
    Ok(visitor_presence::table
        .find(visitor)
        .select(visitor_presence::last_seen_at)
        .first(cx.connection().await?)
        .await
        .optional()?)
}
