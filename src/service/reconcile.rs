//! Reconciling: webhooks that never arrived are found in the forge's own log, and pull requests that
//! nobody told us of are found by listing them.
//!
//! GitHub sends a webhook once and never again, but remembers for three days what it sent. A turn
//! pages through that log from the newest entry back to where an earlier turn has been, compares the
//! ids with the inbox, and records the payloads of those that are missing as if they had arrived; so
//! everything after that is as usual. What the log cannot know (events over 25 MB, a forge without a
//! log) is left to [`sweep`]. Trouble is logged and tried in the next turn; it never stops the server.
//!
//! A delivery that we answered with 200 is not missed: that is what we say to what is known or of no
//! interest. One that we answered with 202 and do not have is: a restored backup has forgotten it.
//!
//! Races: several replicas (the turn is leased, one does it; one that is paused in its turn can only
//! repeat what is harmless); a webhook arrives while its payload is fetched (one is a duplicate); the
//! log shows an entry late (the pages of the last quarter of an hour are compared again).

mod sweep;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;

use super::Services;
use crate::domain::chain::Chain;
use crate::domain::ids::Timestamp;
use crate::ports::forge::ForgeError;
use crate::ports::history::{LoggedDelivery, LoggedPage};
use crate::ports::store::{Claim, Inserted, NewDelivery, StoreError};
use crate::ports::upkeep::{Pass, Progress};

/// How far turns are apart: what is lost is missed for this long at most, and GitHub is asked little.
pub const EVERY_MS: i64 = 5 * 60 * 1000;

/// How far back a first turn looks: GitHub keeps its log for three days.
pub const BACK_MS: i64 = 72 * 60 * 60 * 1000;

/// How much of what was compared is compared again, because an entry may appear late.
const MARGIN_MS: i64 = 15 * 60 * 1000;

/// Pages of 100 entries in one turn. With [`PAYLOADS_MAX`] and twelve turns an hour this stays below
/// the 5,000 requests an hour that GitHub allows an App, with room for tokens.
const PAGES_MAX: usize = 60;

/// Payloads fetched in one turn; the rest is fetched in the next.
const PAYLOADS_MAX: usize = 300;

/// Failed requests after which a turn is over: then the forge is not well.
const TROUBLES_MAX: usize = 5;

/// How long a turn may take, so that it ends before its lease does.
const TURN_MS_MAX: i64 = 3 * 60 * 1000;

/// How long a turn is leased: the longest turn, and the request that it is in.
const LEASE_MS: i64 = 5 * 60 * 1000;

/// How often a server asks whether a turn is due. Turns are counted by the store, so that many
/// replicas ask GitHub no more than one does.
const ASK_SECS: u64 = 30;

/// What a turn has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn {
    /// Pages of the log that were read.
    pub pages: usize,
    /// Entries in them that might be missing.
    pub compared: usize,
    /// Deliveries that never arrived and were recorded now.
    pub recorded: usize,
    /// Repositories whose open pull requests were listed.
    pub swept: usize,
    /// Pull requests in them that nobody had told us of.
    pub found: usize,
    /// Requests that failed.
    pub troubles: usize,
}

/// Makes a turn, if one is due and nobody else makes it.
///
/// # Errors
/// [`StoreError`] when the store could not be used; the turn is made again when its lease is over.
pub async fn turn(services: &Services) -> Result<Option<Turn>, StoreError> {
    let began = services.clock.now();
    let claim = Claim { now: began, lease_ms: LEASE_MS };
    let Some(duty) = services.upkeep.claim_reconcile(claim).await? else { return Ok(None) };
    let mark = duty.progress.mark;
    let pass = duty.progress.pass;
    // What came since a pass began that took several turns has waited for a period already.
    let after_pass = if pass.is_some() { began } else { began.plus_ms(EVERY_MS) };
    let mut walk = Walk {
        services,
        began,
        floor: floor(mark, began),
        to: pass.as_ref().map(|pass| pass.to),
        cursor: pass.map(|pass| pass.cursor),
        payloads: 0,
        turn: Turn::default(),
    };
    let end = walk.through_the_log().await?;
    let (progress, due) = match end {
        End::Whole => (Progress { mark: walk.to.or(mark), pass: None }, after_pass),
        End::Before(due) => {
            let pass = walk.to.zip(walk.cursor).map(|(to, cursor)| Pass { to, cursor });
            (Progress { mark, pass }, due)
        }
        End::Lost => (Progress { mark, pass: None }, after_pass),
    };
    let mut turn = walk.turn;
    sweep::repositories(services, began, &mut turn).await?;
    services.upkeep.end_reconcile(duty.lease, &progress, due).await?;
    Ok(Some(turn))
}

/// Entries before this are not looked at.
fn floor(mark: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let kept = now.plus_ms(-BACK_MS);
    mark.map_or(kept, |mark| mark.plus_ms(-MARGIN_MS).max(kept))
}

/// How a walk through the log ended.
enum End {
    /// At entries that were compared before, or at the end of the log.
    Whole,
    /// Before that; it goes on at that time.
    Before(Timestamp),
    /// The forge knows its place no more; the next begins anew.
    Lost,
}

/// A walk through the log, from the newest entry back.
struct Walk<'a> {
    services: &'a Services,
    began: Timestamp,
    floor: Timestamp,
    /// Up to when everything will have been compared, by the forge's own clock.
    to: Option<Timestamp>,
    cursor: Option<String>,
    payloads: usize,
    turn: Turn,
}

impl Walk<'_> {
    async fn through_the_log(&mut self) -> Result<End, StoreError> {
        for _ in 0..PAGES_MAX {
            let page = match self.services.forge.deliveries(self.cursor.as_deref()).await {
                Ok(page) => page,
                Err(error) => return Ok(self.stopped_by(&error)),
            };
            self.turn.pages += 1;
            let newest = page.deliveries.iter().map(|logged| logged.at).max();
            self.to = self.to.or(newest);
            if let Some(due) = self.fetch_missing(&page).await? {
                return Ok(End::Before(due));
            }
            let is_known = page.deliveries.iter().any(|logged| logged.at < self.floor);
            if is_known || page.next.is_none() {
                return Ok(End::Whole);
            }
            self.cursor = page.next;
        }
        Ok(End::Before(self.next_turn()))
    }

    fn next_turn(&self) -> Timestamp {
        self.began.plus_ms(EVERY_MS)
    }

    /// The log could not be read.
    fn stopped_by(&mut self, error: &ForgeError) -> End {
        self.turn.troubles += 1;
        tracing::warn!(%error, "the log of deliveries could not be read");
        match error {
            ForgeError::RateLimited { until } => End::Before((*until).max(self.next_turn())),
            ForgeError::NotFound(_) | ForgeError::Refused { .. } => End::Lost,
            ForgeError::Unavailable(_)
            | ForgeError::Expired(_)
            | ForgeError::Moved { .. }
            | ForgeError::NoAccess(_)
            | ForgeError::Unreadable(_) => End::Before(self.next_turn()),
        }
    }

    /// Whether an entry may be about something that never arrived.
    fn may_be_missing(&self, logged: &LoggedDelivery) -> bool {
        logged.at >= self.floor
            && logged.answer != Some(200)
            && self.services.inbound.concerns(&logged.event, logged.action.as_deref())
    }

    /// Records what a page names and the inbox does not know; when to go on, if it was too much.
    async fn fetch_missing(&mut self, page: &LoggedPage) -> Result<Option<Timestamp>, StoreError> {
        let wanted: Vec<&LoggedDelivery> =
            page.deliveries.iter().filter(|logged| self.may_be_missing(logged)).collect();
        self.turn.compared += wanted.len();
        let ids: Vec<_> = wanted.iter().map(|logged| logged.id.clone()).collect();
        let mut unknown: HashSet<_> =
            self.services.upkeep.unknown_deliveries(&ids).await?.into_iter().collect();
        for logged in wanted {
            if !unknown.remove(&logged.id) {
                continue;
            }
            let spent = self.services.clock.now().since_ms(self.began);
            if self.payloads >= PAYLOADS_MAX || spent >= TURN_MS_MAX {
                return Ok(Some(self.next_turn()));
            }
            self.payloads += 1;
            if let Some(due) = self.fetch(logged).await? {
                return Ok(Some(due));
            }
        }
        Ok(None)
    }

    /// Records one delivery; when to go on, if the forge or the store cannot go on now.
    async fn fetch(&mut self, logged: &LoggedDelivery) -> Result<Option<Timestamp>, StoreError> {
        let body = match self.services.forge.payload(logged).await {
            Ok(body) => body,
            Err(ForgeError::RateLimited { until }) => {
                return Ok(Some(until.max(self.next_turn())));
            }
            Err(ForgeError::NotFound(_) | ForgeError::Expired(_)) => return Ok(None),
            Err(error) => {
                tracing::warn!(delivery.id = %logged.id, %error, "a payload could not be fetched");
                self.turn.troubles += 1;
                // The mark stays before it, so that the next pass meets it again.
                self.to = self.to.min(Some(logged.at));
                let is_over = self.turn.troubles >= TROUBLES_MAX;
                return Ok(is_over.then(|| self.next_turn()));
            }
        };
        let delivery = NewDelivery {
            id: logged.id.clone(),
            event: logged.event.clone(),
            repo: logged.repo,
            body: self.services.inbound.kept(body),
            // When the forge told of it, or tried to; a clock of its own that is ahead delays nothing.
            received_at: logged.at.min(self.services.clock.now()),
        };
        match self.services.store.insert_delivery(delivery).await {
            Ok(Inserted::New) => {
                tracing::info!(delivery.id = %logged.id, event = logged.event, "a lost delivery is back");
                self.turn.recorded += 1;
                self.services.wake.notify_one();
                Ok(None)
            }
            Ok(Inserted::Duplicate) => Ok(None),
            Err(StoreError::Full { .. }) => Ok(Some(self.next_turn())),
            Err(error) => Err(error),
        }
    }
}

/// Reconciles until told to stop. Trouble is logged; the next turn tries again.
pub async fn run(services: Services, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match AssertUnwindSafe(turn(&services)).catch_unwind().await {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(turn))) => said(&turn),
            Ok(Err(error)) => {
                tracing::warn!(error = %Chain(&error), "nothing is reconciled");
            }
            Err(_) => tracing::error!("a turn of reconciling panicked; it is made again later"),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(ASK_SECS)) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Counts what a turn has come to, where operators count.
fn said(turn: &Turn) {
    let Turn { pages, compared, recorded, swept, found, troubles } = turn;
    tracing::info!(pages, compared, recorded, swept, found, troubles, "reconciled");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_ends_at_the_mark_and_never_before_the_log_began() {
        let at = Timestamp::from_millis;
        let now = at(10 * BACK_MS);
        for (mark, expected) in [
            (None, now.plus_ms(-BACK_MS)),
            (Some(now.plus_ms(-2 * BACK_MS)), now.plus_ms(-BACK_MS)),
            (Some(now), now.plus_ms(-MARGIN_MS)),
        ] {
            assert_eq!(floor(mark, now), expected, "{mark:?}");
        }
    }
}
