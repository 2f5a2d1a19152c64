//! Plans: what people and bad luck do in a history, made from its seed alone.
//!
//! A plan is a list, so that a failing one can be shown and shortened. How often small things go
//! wrong (a lost webhook, a 502) is a rate; what goes wrong in between is thrown while it runs.

use selfheal::domain::ask::AskKind;
use selfheal::domain::pull::PullState;

use super::dice::Dice;
use super::truth::Nature;

const MINUTE_MS: i64 = 60_000;

/// How often small things go wrong, in a thousand, and how slow the world is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) hooks_lost: u32,
    pub(crate) hooks_doubled: u32,
    /// Webhooks that are up to 20 minutes late, and so out of order.
    pub(crate) hooks_late: u32,
    /// Calls that fail before anything is done.
    pub(crate) forge_fails: u32,
    /// Calls that meet a rate limit.
    pub(crate) forge_limits: u32,
    /// Writes that are done and whose answer is lost.
    pub(crate) forge_unheard: u32,
    pub(crate) store_fails: u32,
    pub(crate) store_unheard: u32,
    /// Runners that wait up to 45 minutes for a machine.
    pub(crate) runners_slow: u32,
    /// Runners that die on the way.
    pub(crate) runners_die: u32,
    /// Runners that are silent for a quarter of an hour between two steps.
    pub(crate) runners_silent: u32,
    /// Reports of runners that are sent twice.
    pub(crate) reports_doubled: u32,
    /// How long readers are shown the head before a push, at most.
    pub(crate) reads_lag_ms: u32,
}

impl Rates {
    /// How many there are.
    pub(crate) const COUNT: usize = 13;

    /// All of them, to be changed.
    pub(crate) fn all(&mut self) -> [&mut u32; Self::COUNT] {
        [
            &mut self.hooks_lost,
            &mut self.hooks_doubled,
            &mut self.hooks_late,
            &mut self.forge_fails,
            &mut self.forge_limits,
            &mut self.forge_unheard,
            &mut self.store_fails,
            &mut self.store_unheard,
            &mut self.runners_slow,
            &mut self.runners_die,
            &mut self.runners_silent,
            &mut self.reports_doubled,
            &mut self.reads_lag_ms,
        ]
    }
}

/// What happens at a planned moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planned {
    Open(Nature),
    Push(u64, Nature),
    Say(u64, &'static str, AskKind),
    Press(u64, AskKind),
    SetState(u64, PullState),
    StopLabel(u64),
    NoStopLabel(u64),
    AutoMerge(u64),
    /// A step that is under way is never finished.
    StopStep,
    /// A step that is under way goes on after so many milliseconds.
    PauseStep(i64),
    /// Everything that a replica does ends, and it comes back after so many milliseconds.
    StopReplica(usize, i64),
    /// A replica's clock is wrong by so many milliseconds from now on.
    Jump(usize, i64),
    StoreOutage(i64),
    ForgeOutage(i64),
}

/// What happens in a history.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) replicas: usize,
    pub(crate) rates: Rates,
    /// When, counted from the beginning, and what.
    pub(crate) acts: Vec<(i64, Planned)>,
    /// When everything that goes wrong has gone wrong.
    pub(crate) faults_end: i64,
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::of(seed, 2);
        let faults_end = dice.within(20, 150) * MINUTE_MS;
        let replicas = 1 + dice.below(4);
        let rates = rates(&mut dice);
        let pulls = 1 + u64::try_from(dice.below(2)).unwrap();
        let mut acts = Vec::new();
        for _ in 0..pulls {
            acts.push((dice.within(0, faults_end / 3), Planned::Open(nature(&mut dice))));
        }
        let people = dice.below(9);
        acts.extend((0..people).map(|_| {
            let pull = 1 + dice.throw() % pulls;
            (dice.within(0, faults_end), of_people(pull, &mut dice))
        }));
        let faults = dice.below(9);
        acts.extend(
            (0..faults).map(|_| (dice.within(0, faults_end), of_bad_luck(replicas, &mut dice))),
        );
        acts.sort_by_key(|(at, _)| *at);
        Self { seed, replicas, rates, acts, faults_end }
    }
}

/// Each rate is nothing in half of all histories: where everything fails, nothing is reached.
fn rates(dice: &mut Dice) -> Rates {
    let mut up_to = |most: i64| {
        let rate = dice.within(1, most);
        if dice.happens(500) { u32::try_from(rate).unwrap() } else { 0 }
    };
    Rates {
        hooks_lost: up_to(400),
        hooks_doubled: up_to(300),
        hooks_late: up_to(400),
        forge_fails: up_to(150),
        forge_limits: up_to(60),
        forge_unheard: up_to(250),
        store_fails: up_to(60),
        store_unheard: up_to(60),
        runners_slow: up_to(300),
        runners_die: up_to(300),
        runners_silent: up_to(300),
        reports_doubled: up_to(300),
        reads_lag_ms: up_to(5_000),
    }
}

fn nature(dice: &mut Dice) -> Nature {
    use Nature::{Broken, Flaky, Good, Outage, Silent};
    *dice.one(&[Broken, Broken, Broken, Broken, Broken, Flaky, Outage, Good, Silent])
}

fn of_people(pull: u64, dice: &mut Dice) -> Planned {
    use AskKind::{Answer, Approve, Explain, Fix, Reject, Resume, Retry, Status, Stop, Undo};
    match dice.below(17) {
        0..=3 => Planned::Push(pull, nature(dice)),
        4..=8 => {
            let who = *dice.one(&["mona", "mona", "mona", "reader"]);
            let command =
                *dice.one(&[Stop, Stop, Resume, Retry, Fix, Approve, Reject, Status, Undo]);
            Planned::Say(pull, who, command)
        }
        9 => Planned::Say(pull, "mona", Explain),
        10 => Planned::Press(pull, *dice.one(&[Stop, Retry, Approve, Resume, Undo])),
        11 => Planned::SetState(pull, PullState::Closed),
        12 => Planned::SetState(pull, PullState::Open),
        13 => Planned::StopLabel(pull),
        14 => Planned::NoStopLabel(pull),
        15 => {
            let who = *dice.one(&["mona", "mona", "reader"]);
            Planned::Say(pull, who, Answer)
        }
        _ => Planned::AutoMerge(pull),
    }
}

fn of_bad_luck(replicas: usize, dice: &mut Dice) -> Planned {
    let replica = dice.below(replicas);
    match dice.below(12) {
        0..=2 => Planned::StopStep,
        3..=6 => Planned::PauseStep(dice.within(1_000, 20 * MINUTE_MS)),
        7 => Planned::StopReplica(replica, dice.within(1_000, 10 * MINUTE_MS)),
        8 | 9 => Planned::Jump(replica, dice.within(-60, 60) * MINUTE_MS),
        10 => Planned::StoreOutage(dice.within(1_000, 10 * MINUTE_MS)),
        _ => Planned::ForgeOutage(dice.within(1_000, 10 * MINUTE_MS)),
    }
}
