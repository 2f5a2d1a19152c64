//! Simulation: random histories of the core, by the thousand.
//!
//! What is real: the services, the worker, the decisions, the gates and the reports. What is
//! simulated: the store ([`memory`], which keeps the conformance suite's promises), the forge
//! ([`forge`] on the [`truth`]), time, and everybody who acts ([`plan`], [`runner`]). A [`history`]
//! interleaves them call by call; the [`oracle`] judges its end. Everything follows from a seed.
//!
//! What it cannot see: SQL, HTTP, GitHub's own words, and what lies between the reading and the
//! writing of one call of a port. `faults` looks there, with the built program.

mod dice;
mod forge;
mod history;
mod memory;
mod oracle;
mod plan;
mod replica;
mod runner;
mod shorten;
mod truth;
mod unasked;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use dice::Dice;
use forge::Careless;
use history::{Breakage, Ended, History};
use memory::Broken;
pub(crate) use memory::MemoryStore;
use plan::{Plan, Planned, Rates};
use selfheal::domain::ask::AskKind;
use shorten::shortened;
use truth::{Nature, WRITER};

/// Histories of an ordinary test run: a few seconds without optimisation.
const SEEDS: u64 = 400;

/// Histories in which a breakage must have been seen; the rarest shows in one of some hundreds.
const SEEDS_BROKEN_MAX: u64 = 3_000;

/// How many histories there are, and from which seed on; `cargo xtask simulate` sets both.
const SEEDS_VARIABLE: &str = "SELFHEAL_SEEDS";
const FIRST_VARIABLE: &str = "SELFHEAL_SEED";

fn carried_out(plan: &Plan, breakage: Breakage) -> Ended {
    History::new(plan, breakage).run()
}

/// What is wrong with a history; a panic is, too.
fn wrong_with(plan: &Plan, breakage: Breakage) -> Vec<String> {
    let judged = || oracle::judged(&carried_out(plan, breakage));
    catch_unwind(AssertUnwindSafe(judged)).unwrap_or_else(|_| vec!["it panicked".to_owned()])
}

/// The first seed whose history ends wrong, with all cores.
fn first_wrong(seeds: &Range<u64>, breakage: Breakage) -> Option<u64> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let search = |nth: usize| {
        let mut mine = seeds.clone().skip(nth).step_by(threads);
        mine.find(|seed| !wrong_with(&Plan::of(*seed), breakage).is_empty())
    };
    std::thread::scope(|scope| {
        let search = &search;
        let all: Vec<_> = (0..threads).map(|nth| scope.spawn(move || search(nth))).collect();
        all.into_iter().filter_map(|thread| thread.join().unwrap()).min()
    })
}

/// Everything that somebody needs who has to understand a failure.
fn report(seed: u64, breakage: Breakage) -> String {
    let whole = Plan::of(seed);
    let short = shortened(&whole, |plan| !wrong_with(plan, breakage).is_empty());
    let wrong = wrong_with(&short, breakage).join("\n  ");
    let ended = catch_unwind(AssertUnwindSafe(|| carried_out(&short, breakage)));
    let deeds = ended.map(|ended| history::told(&ended)).unwrap_or_default();
    format!(
        "seed {seed} ends wrong; replay it with `cargo xtask simulate --seed {seed}`\n  \
         {wrong}\nits plan, shortened:\n{short:#?}\nwhat was done:\n{deeds}"
    )
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn every_history_ends_as_promised() {
    let first = number(FIRST_VARIABLE);
    let count = number(SEEDS_VARIABLE).unwrap_or(if first.is_some() { 1 } else { SEEDS });
    let first = first.unwrap_or(0);
    let wrong = first_wrong(&(first..first + count), Breakage::NONE);
    assert!(wrong.is_none(), "{}", report(wrong.unwrap_or(0), Breakage::NONE));
}

#[test]
fn a_seed_is_one_history() {
    for seed in 0..20 {
        let told = || {
            let ended = carried_out(&Plan::of(seed), Breakage::NONE);
            (ended.turns, history::told(&ended))
        };
        assert_eq!(told(), told(), "seed {seed}");
    }
}

/// Histories reach what is to be judged: else nothing that breaks would be seen.
#[test]
fn histories_heal_escalate_and_are_stopped() {
    let mut ends = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let ended = carried_out(&Plan::of(seed), Breakage::NONE);
        ends.extend(ended.store.tables().cases.values().map(|case| case.state.as_str()));
    }
    for end in ["healed", "escalated", "excused", "stopped", "superseded", "closed"] {
        assert!(ends.contains(end), "no history ends {end}: {ends:?}");
    }
}

/// A pull request that is healed or given up, and then pushed to while the forge's readers lag.
#[test]
fn a_push_is_seen_however_long_the_forge_shows_the_head_before_it() {
    for seed in 0..100 {
        let rates = Rates { reads_lag_ms: 8_000, ..Rates::default() };
        let push = Planned::Push(1, Nature::Silent);
        let acts = vec![(0, Planned::Open(Nature::Broken)), (40 * 60_000, push)];
        let plan = Plan { seed, replicas: 1, rates, acts, faults_end: 41 * 60_000 };
        assert_eq!(wrong_with(&plan, Breakage::NONE), [""; 0], "{plan:#?}");
    }
}

/// A pull request whose author says stop while a commit of ours may be on its way, and nobody hears
/// of what was done.
#[test]
fn a_stop_is_kept_although_a_commit_is_on_its_way() {
    for seed in 0..300 {
        let rates = Rates { forge_unheard: 300, forge_fails: 100, ..Rates::default() };
        let when = 60_000 + i64::try_from(seed).unwrap() * 1_000;
        let stop = Planned::Say(1, "mona", AskKind::Stop);
        let acts = vec![(0, Planned::Open(Nature::Broken)), (when, stop)];
        let plan = Plan { seed, replicas: 2, rates, acts, faults_end: 20 * 60_000 };
        assert_eq!(wrong_with(&plan, Breakage::NONE), [""; 0], "{plan:#?}");
    }
}

/// A stop and a resume within two minutes, whose webhooks come in any order and up to twenty minutes
/// late, or not at all.
#[test]
fn the_last_word_counts_in_whatever_order_it_is_heard() {
    for seed in 0..300 {
        let rates = Rates { hooks_late: 600, hooks_lost: 100, ..Rates::default() };
        let say = |seconds: i64, word| (seconds * 1_000, Planned::Say(1, WRITER, word));
        let (first, then) = match seed % 2 {
            0 => (AskKind::Stop, AskKind::Resume),
            _ => (AskKind::Resume, AskKind::Stop),
        };
        let open = (0, Planned::Open(Nature::Broken));
        let acts = vec![open, say(300, AskKind::Stop), say(360, first), say(400, then)];
        let plan = Plan { seed, replicas: 2, rates, acts, faults_end: 20 * 60_000 };
        assert_eq!(wrong_with(&plan, Breakage::NONE), [""; 0], "{plan:#?}");
    }
}

/// A forge that is down for most of an hour, while webhooks arrive that cannot be understood
/// without asking it.
#[test]
fn nothing_is_given_up_because_the_forge_is_down() {
    for seed in 0..100 {
        let rates = Rates { hooks_lost: 300, ..Rates::default() };
        let outage = Planned::ForgeOutage(50 * 60_000);
        let acts = vec![(0, Planned::Open(Nature::Broken)), (1_000, outage)];
        let plan = Plan { seed, replicas: 1, rates, acts, faults_end: 52 * 60_000 };
        assert_eq!(wrong_with(&plan, Breakage::NONE), [""; 0], "{plan:#?}");
    }
}

/// A database that refuses one call in ten: whoever claimed a delivery lives to give it back.
#[test]
fn nothing_is_given_up_because_the_store_fails() {
    for seed in 0..100 {
        let rates = Rates { store_fails: 100, ..Rates::default() };
        let acts = vec![(0, Planned::Open(Nature::Broken))];
        let plan = Plan { seed, replicas: 2, rates, acts, faults_end: 60 * 60_000 };
        assert_eq!(wrong_with(&plan, Breakage::NONE), [""; 0], "{plan:#?}");
    }
}

#[track_caller]
fn sees(breakage: Breakage) {
    let seen = first_wrong(&(0..SEEDS_BROKEN_MAX), breakage);
    let seed = seen.expect("it changes nothing that the oracle looks at");
    assert_eq!(wrong_with(&Plan::of(seed), Breakage::NONE), [""; 0], "unbroken it ends well");
}

#[test]
fn the_oracle_sees_a_store_that_forgets_who_lost_a_lease() {
    sees(Breakage { store: Broken::Leases, ..Breakage::NONE });
}

#[test]
fn the_oracle_sees_a_store_that_forgets_the_keys_of_effects() {
    sees(Breakage { store: Broken::Keys, ..Breakage::NONE });
}

#[test]
fn the_oracle_sees_a_store_that_forgets_when_something_was_asked() {
    sees(Breakage { store: Broken::Times, ..Breakage::NONE });
}

#[test]
fn the_oracle_sees_a_commit_that_is_made_wherever_the_branch_is() {
    sees(Breakage { forge: Careless::Heads, ..Breakage::NONE });
}

#[test]
fn the_oracle_sees_a_forge_that_creates_without_looking() {
    sees(Breakage { forge: Careless::Lookups, ..Breakage::NONE });
}

#[test]
fn the_oracle_sees_a_forge_that_forgets_what_it_told() {
    sees(Breakage { forge: Careless::History, ..Breakage::NONE });
}

#[test]
fn a_failing_plan_is_shortened_and_still_fails() {
    let breakage = Breakage { forge: Careless::Lookups, ..Breakage::NONE };
    let seed = first_wrong(&(0..SEEDS_BROKEN_MAX), breakage).unwrap();
    let (whole, fails) = (Plan::of(seed), |plan: &Plan| !wrong_with(plan, breakage).is_empty());
    let short = shortened(&whole, fails);
    assert!(fails(&short));
    assert!(short.acts.len() <= whole.acts.len());
    assert!(short.acts.len() <= 4, "{short:#?}");
    assert!(report(seed, breakage).contains(&format!("cargo xtask simulate --seed {seed}")));
}
