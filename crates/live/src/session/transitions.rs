//! What a connection is shown, and when.

use std::sync::Arc;
use std::time::Instant;

use opencom_runtime::topics::Sequence;

use super::{Client, Opened, Output, Session};
use crate::engine::Seen;
use crate::frames::{self, Modification, Version};

/// What a connection has been shown and is owed.
#[derive(Default)]
pub(super) struct Shown {
    version: Version,
    /// No transition may be older than this.
    not_before: u64,
    /// Whether a transition is owed even when nothing changed.
    owed: bool,
    /// The timestamp of a mutation of this connection that the next transition has to show.
    cover: Option<u64>,
    /// What was published by then has to be in everything that is shown.
    position: Sequence,
    /// Whether the caller changed since the last transition.
    caller_changed: bool,
    /// Since when queries have not been settled.
    unsettled_since: Option<Instant>,
    chunked: u64,
}

impl Shown {
    /// The next transition is due even when nothing changed.
    pub(super) fn owe(&mut self) {
        self.owed = true;
    }

    /// The client has seen `ts` on another connection.
    pub(super) fn never_before(&mut self, ts: u64) {
        // Larger ones are not timestamps that clients can read.
        self.not_before = ts.min(i64::MAX.unsigned_abs());
    }

    /// The next transition has to show what was published by `position`, at `ts` or later.
    pub(super) fn cover(&mut self, ts: u64, position: Sequence) {
        self.cover = self.cover.max(Some(ts));
        self.position = self.position.max(position);
    }

    /// Nothing of what the old caller saw may be shown from now on.
    pub(super) fn identity_changed(&mut self) {
        self.caller_changed = true;
    }

    /// Whether a transition may pass over what is not settled: queries without an outcome follow later, the others show
    /// their last one. None of them may lack a mutation of this connection, or be of another caller.
    fn may_pass(&self, seen: &[Seen]) -> bool {
        seen.iter().all(|seen| match seen.outcome {
            None => !self.caller_changed,
            Some(_) => seen.settled || seen.since >= self.position,
        })
    }
}

impl Session {
    /// When there may be something to show, as far as time decides.
    pub(super) fn next_show(&self) -> Option<Instant> {
        let opened = self.opened?;
        if self.calls.mutation_runs {
            return None;
        }
        match self.shown.unsettled_since {
            Some(since) => Some(since + self.host.limits.settle_patience),
            None => (self.shown.version == Version::default()).then(|| self.opening(opened)),
        }
    }

    /// When the client counts as having said what it opens with.
    fn opening(&self, opened: Opened) -> Instant {
        let quiet = self.last_frame + self.host.limits.opening_quiet;
        if opened.reconnected && !self.queries.known {
            return quiet.max(opened.at + self.host.limits.opening_patience);
        }
        quiet
    }

    /// Shows what there is to show, if it is time to.
    pub(super) fn show(&mut self, at: Instant) {
        let Some(opened) = self.opened else { return };
        let first = self.shown.version == Version::default();
        if self.calls.mutation_runs {
            return;
        }
        if first && at < self.opening(opened) {
            self.shown.unsettled_since = None;
            return;
        }
        let seen = self.queries.look();
        let settled = seen.iter().all(|seen| seen.settled);
        if !settled {
            let since = *self.shown.unsettled_since.get_or_insert(at);
            if at.duration_since(since) < self.host.limits.settle_patience {
                return;
            }
            if !self.shown.may_pass(&seen) {
                self.shown.unsettled_since = Some(at);
                return;
            }
        }
        // What did not settle in time is given as long again.
        self.shown.unsettled_since = (!settled).then_some(at);
        let modifications = self.modifications(seen);
        if modifications.is_empty() && !self.shown.owed {
            return;
        }
        let start = self.shown.version;
        let end = self.end_version(first, &modifications);
        let frame = frames::transition(start, end, &modifications, self.clocks(opened));
        self.shown.version = end;
        self.shown.owed = false;
        self.shown.cover = None;
        self.shown.caller_changed = false;
        self.calls.unshown = 0;
        metrics::counter!("opencom_live_transitions_total").increment(1);
        self.send_transition(frame, at);
    }

    /// What changed since the last transition.
    fn modifications(&mut self, seen: Vec<Seen>) -> Vec<Modification> {
        let removed = self.queries.take_removed().into_iter().map(Modification::Removed);
        let mut modifications: Vec<_> = removed.collect();
        self.queries.each(seen, |id, held, outcome| {
            let same = (held.shown.as_ref()).is_some_and(|shown| Arc::ptr_eq(shown, &outcome) || **shown == *outcome);
            if !same {
                modifications.push(Modification::Shown(id, Arc::clone(&outcome)));
            }
            held.shown = Some(outcome);
        });
        modifications
    }

    /// The version after a transition. Time goes on only when something was computed or has to be waited for.
    fn end_version(&self, first: bool, modifications: &[Modification]) -> Version {
        let computed = modifications
            .iter()
            .any(|modification| matches!(modification, Modification::Shown(..)));
        let mut ts = self.shown.version.ts.max(self.shown.not_before);
        if first || computed || self.shown.cover.is_some() {
            let server = &self.host.server;
            ts = ts.max(server.timestamps.next(server.clock.now()));
        }
        ts = ts.max(self.shown.cover.unwrap_or(0));
        Version {
            query_set: self.queries.version(),
            identity: self.identity,
            ts,
        }
    }

    fn send_transition(&mut self, frame: String, at: Instant) {
        let limits = &self.host.limits;
        if self.client == Client::Npm && frame.len() > limits.chunk_over {
            self.shown.chunked += 1;
            let chunks = frames::chunks(&frame, limits.chunk, self.shown.chunked);
            self.last_sent = at;
            self.output.extend(chunks.into_iter().map(Output::Frame));
        } else {
            self.send(frame, at);
        }
    }
}
