//! Work: put in, claimed under a lease, ended.

use selfheal::domain::effect::{Effect, PendingEffect};
use selfheal::domain::ids::{EffectId, RepoId, Timestamp};
use selfheal::ports::store::{
    Backlog, Changes, Claim, Finish, Inserted, Lease, Leased, NewDelivery, PendingDelivery,
    PullRecord, Work,
};

use super::tables::{DeliveryRow, EffectRow, Held, RowState, Tables, place};

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
        let state = RowState::Pending;
        let row = DeliveryRow {
            delivery,
            state,
            tries: 0,
            claims: 0,
            due,
            held: Held::default(),
            done_at: 0,
        };
        self.deliveries.insert(key, row);
        self.version += 1;
        Inserted::New
    }

    pub(super) fn claim_delivery(&mut self, claim: Claim) -> Option<Leased<PendingDelivery>> {
        let now = claim.now.millis();
        let is_due = |row: &DeliveryRow| {
            row.state == RowState::Pending && row.due <= now && row.held.until <= now
        };
        let served = self.served.deliveries;
        let of = |row: &DeliveryRow| row.delivery.repo.map_or(0, RepoId::get);
        let (_, row) =
            self.deliveries.iter_mut().filter(|(_, row)| is_due(row)).min_by_key(|(_, row)| {
                (place(of(row), served), row.due, row.delivery.received_at)
            })?;
        self.served.deliveries = of(row);
        row.held.take(now + claim.lease_ms);
        row.claims += 1;
        let lease = lease(Work::Delivery(row.delivery.id.clone()), row.held);
        self.version += 1;
        let (tries, unfinished) = (row.tries, row.claims - 1);
        let item = PendingDelivery { delivery: row.delivery.clone(), tries, unfinished };
        Some(Leased { lease, item })
    }

    pub(super) fn claim_pull(&mut self, claim: Claim) -> Option<Leased<PullRecord>> {
        let now = claim.now.millis();
        let free = || {
            let free = self.pulls.iter().filter(|(_, row)| row.held.until <= now);
            free.filter(|((repo, _), _)| self.can_be_used(*repo))
        };
        let served = self.served.pulls;
        let due = free().filter(|(_, row)| row.wake.is_some_and(|wake| wake <= now));
        let due = due.min_by_key(|((repo, _), row)| (place(repo.get(), served), row.wake));
        let abandoned = || {
            let abandoned = free().filter(|(_, row)| row.held.until > 0);
            abandoned.min_by_key(|(_, row)| row.held.until)
        };
        let key = due.or_else(abandoned).map(|(key, _)| *key)?;
        self.served.pulls = key.0.get();
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
        let due: Vec<_> = due.collect();
        let is_first = |(id, row): &(&EffectId, &EffectRow)| {
            let of = |row: &EffectRow| (row.effect.repo.id, row.effect.number);
            row.effect.number.is_none()
                || !due.iter().any(|(other, earlier)| {
                    of(earlier) == of(row) && (earlier.wanted_at, *other) < (row.wanted_at, *id)
                })
        };
        let served = self.served.effects;
        let first = due.iter().copied().filter(is_first);
        let next = first.min_by_key(|(id, row)| {
            (place(row.effect.repo.id.get(), served), row.due, row.wanted_at, **id)
        });
        let id = next.map(|(id, _)| *id)?;
        let row = self.effects.get_mut(&id)?;
        row.held.take(now + claim.lease_ms);
        row.claimed_revision = row.revision;
        self.served.effects = row.effect.repo.id.get();
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
