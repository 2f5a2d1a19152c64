//! Work: put in, claimed under a lease, ended.

use selfheal::domain::effect::{Effect, PendingEffect};
use selfheal::domain::ids::{DeliveryId, EffectId, Timestamp};
use selfheal::ports::store::{
    Backlog, Changes, Claim, Finish, Inserted, Lease, Leased, NewDelivery, PendingDelivery,
    PullRecord, Work,
};

use super::tables::{DeliveryRow, EffectRow, Held, RowState, Tables, text};

/// What a step's end does to its row.
struct End {
    state: RowState,
    at: Option<i64>,
    failed: u32,
    error: Option<String>,
}

impl End {
    fn of(finish: &Finish) -> Self {
        let (state, at, failed, error) = match finish {
            Finish::Done => (RowState::Done, None, 0, None),
            Finish::At(at) => (RowState::Pending, Some(*at), 0, None),
            Finish::Retry { at, error } => (RowState::Pending, Some(*at), 1, Some(error.clone())),
            Finish::Park { error } => (RowState::Parked, None, 1, Some(error.clone())),
        };
        let error = error.as_deref().map(text);
        Self { state, at: at.map(Timestamp::millis), failed, error }
    }
}

fn lease(work: Work, held: Held) -> Lease {
    Lease { work, epoch: held.epoch, until: Timestamp::from_millis(held.until) }
}

impl Tables {
    pub(super) fn insert_delivery(&mut self, delivery: NewDelivery) -> Inserted {
        let key = delivery.id.as_str().to_owned();
        if self.deliveries.contains_key(&key) {
            return Inserted::Duplicate;
        }
        let due = delivery.received_at.millis();
        let row = DeliveryRow {
            delivery,
            state: RowState::Pending,
            tries: 0,
            claims: 0,
            due,
            error: None,
            held: Held::default(),
            done_at: 0,
        };
        self.deliveries.insert(key, row);
        self.version += 1;
        Inserted::New
    }

    /// Whether a delivery of that id was ever recorded.
    pub(crate) fn has_heard(&self, id: &DeliveryId) -> bool {
        self.deliveries.contains_key(id.as_str())
    }

    pub(super) fn claim_delivery(&mut self, claim: Claim) -> Option<Leased<PendingDelivery>> {
        let now = claim.now.millis();
        let is_due = |row: &DeliveryRow| {
            row.state == RowState::Pending && row.due <= now && row.held.until <= now
        };
        let lane = &mut self.lanes.deliveries;
        let (_, row) =
            self.deliveries.iter_mut().filter(|(_, row)| is_due(row)).min_by_key(|(_, row)| {
                (lane.turn(row.repo()), row.due, row.delivery.received_at)
            })?;
        lane.served(row.repo());
        row.held.take(now + claim.lease_ms);
        let unfinished = row.claims;
        row.claims += 1;
        let lease = lease(Work::Delivery(row.delivery.id.clone()), row.held);
        self.version += 1;
        let (delivery, tries) = (row.delivery.clone(), row.tries);
        let item = PendingDelivery { delivery, tries, unfinished };
        Some(Leased { lease, item })
    }

    pub(super) fn claim_pull(&mut self, claim: Claim) -> Option<Leased<PullRecord>> {
        let now = claim.now.millis();
        let lane = self.lanes.pulls;
        let free = || {
            let free = self.pulls.iter().filter(|(_, row)| row.held.until <= now);
            free.filter(|((repo, _), _)| self.can_be_used(*repo))
        };
        let woken = free()
            .filter(|(_, row)| row.wake.is_some_and(|wake| wake <= now))
            .min_by_key(|((repo, _), row)| (lane.turn(repo.get()), row.wake));
        let abandoned = || {
            let abandoned = free().filter(|(_, row)| row.held.until > 0);
            abandoned.min_by_key(|(_, row)| row.held.until)
        };
        let key = woken.or_else(abandoned).map(|(key, _)| *key)?;
        self.lanes.pulls.served(key.0.get());
        let row = self.pulls.get_mut(&key)?;
        row.held.take(now + claim.lease_ms);
        row.wake = None;
        let lease = lease(Work::Pull(key.0, key.1), row.held);
        let tries = row.tries;
        self.version += 1;
        let item = PullRecord { tries, ..self.pull(key.0, key.1)? };
        Some(Leased { lease, item })
    }

    pub(super) fn claim_effect(&mut self, claim: Claim) -> Option<Leased<PendingEffect>> {
        let now = claim.now.millis();
        let busy = self.busy(now);
        let due = self.effects.iter().filter(|(id, row)| {
            let others = |number| {
                busy.iter().any(|(repo, pull, busy)| {
                    (*repo, *pull) == (row.effect.repo.id, number) && busy != *id
                })
            };
            row.state == RowState::Pending
                && row.due <= now
                && row.held.until <= now
                && !row.effect.number.is_some_and(others)
                && self.can_be_used(row.effect.repo.id)
        });
        let lane = self.lanes.effects;
        let id = due
            .filter(|(id, row)| !self.is_after_another(**id, row, now))
            .min_by_key(|(id, row)| (lane.turn(row.effect.repo.id.get()), row.due, **id))
            .map(|(id, _)| *id)?;
        let row = self.effects.get_mut(&id)?;
        self.lanes.effects.served(row.effect.repo.id.get());
        row.held.take(now + claim.lease_ms);
        row.claimed_revision = row.revision;
        let item = PendingEffect {
            id,
            effect: row.effect.clone(),
            revision: row.revision,
            tries: row.tries,
            wanted_at: Timestamp::from_millis(row.wanted_at),
        };
        let lease = lease(Work::Effect(id), row.held);
        self.version += 1;
        Some(Leased { lease, item })
    }

    /// Whether an earlier wish about the same pull request is due, too, and comes first.
    fn is_after_another(&self, id: EffectId, row: &EffectRow, now: i64) -> bool {
        let of = |row: &EffectRow| row.effect.number.map(|number| (row.effect.repo.id, number));
        of(row).is_some_and(|this| {
            self.effects.iter().any(|(other_id, other)| {
                other.state == RowState::Pending
                    && of(other) == Some(this)
                    && other.due <= now
                    && (other.wanted_at, *other_id) < (row.wanted_at, id)
            })
        })
    }

    /// Whether the work is still the caller's.
    pub(super) fn is_held(&self, lease: &Lease) -> bool {
        let held = match &lease.work {
            Work::Delivery(id) => self.deliveries.get(id.as_str()).map(|row| row.held),
            Work::Pull(repo, number) => self.pulls.get(&(*repo, *number)).map(|row| row.held),
            Work::Effect(id) => self.effects.get(id).map(|row| row.held),
        };
        held.is_some_and(|held| held.epoch == lease.epoch && held.until > 0)
    }

    /// Ends the lease, and the work as it was said.
    pub(super) fn finish(&mut self, lease: &Lease, changes: &Changes) {
        let end = End::of(&changes.finish);
        let now = changes.now.millis();
        match &lease.work {
            Work::Delivery(id) => {
                let Some(row) = self.deliveries.get_mut(id.as_str()) else { return };
                row.held.until = 0;
                row.state = end.state;
                row.due = end.at.unwrap_or(now);
                row.tries += end.failed;
                row.claims = 0;
                row.error = end.error;
                row.done_at = now;
            }
            Work::Pull(repo, number) => {
                let Some(row) = self.pulls.get_mut(&(*repo, *number)) else { return };
                row.held.until = 0;
                row.wake = [row.wake, end.at].into_iter().flatten().min();
                row.tries = if end.failed == 0 { 0 } else { row.tries + 1 };
            }
            Work::Effect(id) => {
                let Some(row) = self.effects.get_mut(id) else { return };
                row.held.until = 0;
                row.error = end.error;
                row.done_at = now;
                if row.revision == row.claimed_revision {
                    row.state = end.state;
                    row.due = end.at.unwrap_or(now);
                    row.tries += end.failed;
                    row.result.clone_from(&changes.result);
                } else {
                    row.state = RowState::Pending;
                    row.tries = 0;
                    row.result = None;
                }
            }
        }
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let pending = |state: RowState| state == RowState::Pending;
        let deliveries = self.deliveries.values().filter(|row| pending(row.state));
        let deliveries = deliveries.map(|row| row.due.max(row.held.until));
        let effects = self.effects.values().filter(|row| pending(row.state));
        let effects = effects.filter(|row| self.can_be_used(row.effect.repo.id));
        let effects = effects.map(|row| row.due.max(row.held.until));
        let pulls = self.pulls.iter().filter(|((repo, _), _)| self.can_be_used(*repo));
        let pulls = pulls.filter_map(|(_, row)| match row.held.until {
            0 => row.wake,
            until => Some(until),
        });
        deliveries.chain(effects).chain(pulls).min().map(Timestamp::from_millis)
    }

    /// When something can be claimed, by the clock that leases are told by. Unlike
    /// [`Self::next_due`] it knows that effects of one pull request wait for each other.
    pub(crate) fn next_claim(&self) -> Option<i64> {
        let busy_until = |of: &Effect| {
            let others = self.effects.values().filter(|row| {
                of.number.is_some()
                    && (row.effect.repo.id, row.effect.number) == (of.repo.id, of.number)
            });
            others.map(|row| row.held.until).max().unwrap_or(0)
        };
        let pending = |state: RowState| state == RowState::Pending;
        let deliveries = self.deliveries.values().filter(|row| pending(row.state));
        let deliveries = deliveries.map(|row| row.due.max(row.held.until));
        let effects = self.effects.values().filter(|row| pending(row.state));
        let effects = effects.filter(|row| self.can_be_used(row.effect.repo.id));
        let effects = effects.map(|row| row.due.max(busy_until(&row.effect)));
        let pulls = self.pulls.values().filter_map(|row| match row.held.until {
            0 => row.wake,
            until => Some(until),
        });
        deliveries.chain(effects).chain(pulls).min()
    }

    pub(crate) fn backlog(&self) -> Backlog {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let deliveries = |state| self.deliveries.values().filter(|row| row.state == state).count();
        let effects = |state| self.effects.values().filter(|row| row.state == state).count();
        let is_waiting = |row: &&super::tables::PullRow| row.wake.is_some() || row.held.until > 0;
        Backlog {
            deliveries: count(deliveries(RowState::Pending)),
            pulls: count(self.pulls.values().filter(is_waiting).count()),
            effects: count(effects(RowState::Pending)),
            parked: count(deliveries(RowState::Parked) + effects(RowState::Parked)),
        }
    }
}
