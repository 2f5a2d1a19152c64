//! The oracle: what must be so at the end of every history, whatever went wrong in it.
//!
//! It judges the forge as it is and what was done there, and asks the store only where nothing else
//! tells (cases, attempts, what waits).

use std::collections::{BTreeMap, BTreeSet};

use selfheal::domain::ask::{AskKind, Heed};
use selfheal::domain::case::{CaseState, StoppedBy};
use selfheal::domain::ids::{AttemptId, PrNumber};
use selfheal::domain::policy::ATTEMPTS_MAX;
use selfheal::domain::pull::{Ci, PullState};
use selfheal::domain::view::Reaction;

use super::forge::{ci_of, lock};
use super::history::Ended;
use super::memory::Tables;
use super::truth::{Deed, STOP_LABEL, SimPull, Truth, WRITER, delivery_id, repo};

/// What is wrong at the end of a history; empty when nothing is.
pub(crate) fn judged(ended: &Ended) -> Vec<String> {
    let truth = lock(&ended.truth);
    let tables = ended.store.tables();
    let mut wrong = Vec::new();
    if ended.goes_in_circles {
        wrong.push("the history goes in circles".to_owned());
    }
    wrong
        .extend(tables.inconsistencies.iter().map(|what| format!("refused by the schema: {what}")));
    let late = ended.unheard.iter();
    wrong.extend(late.map(|event| format!("not heard of within a period: {event:?}")));
    wrong.extend(never_heard(&truth, &tables));
    wrong.extend(left_over(&tables));
    wrong.extend(twice(&truth, &tables));
    wrong.extend(too_many_attempts(&truth, &tables));
    wrong.extend(against_peoples_word(&truth));
    for pull in &truth.pulls {
        wrong.extend(not_the_last_word(pull, &truth, &tables));
        wrong.extend(state_of(pull, &truth, &tables));
        wrong.extend(shown_of(pull, &truth, &tables));
    }
    wrong
}

/// Every webhook has reached us in the end, or was found in the forge's log.
fn never_heard(truth: &Truth, tables: &Tables) -> Vec<String> {
    let unheard = (0..truth.events.len()).filter(|event| !tables.has_heard(&delivery_id(*event)));
    unheard.map(|event| format!("nobody heard of {:?}", truth.events[event])).collect()
}

/// Nothing waits for ever.
fn left_over(tables: &Tables) -> Vec<String> {
    let backlog = tables.backlog();
    let counts = [
        (backlog.deliveries, "deliveries wait"),
        (backlog.effects, "effects wait"),
        (backlog.parked, "deliveries or effects are parked"),
        (tables.open_asks(), "asks have no answer"),
    ];
    let mut wrong: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what} at the end"))
        .collect();
    wrong.extend(tables.unfinished());
    wrong
}

/// How often each of these is there, where it is more than once.
fn repeated<T: Ord + std::fmt::Debug>(all: impl Iterator<Item = T>) -> Vec<String> {
    let mut counted: BTreeMap<T, usize> = BTreeMap::new();
    for one in all {
        *counted.entry(one).or_default() += 1;
    }
    let more = counted.into_iter().filter(|(_, count)| *count > 1);
    more.map(|(one, count)| format!("{one:?} is there {count} times")).collect()
}

/// Every commit, comment, check run, dispatch and rerun happened once in effect.
fn twice(truth: &Truth, tables: &Tables) -> Vec<String> {
    let deeds = || truth.deeds.iter().map(|(_, deed)| deed);
    let mut wrong =
        repeated(truth.checks.iter().map(|check| ("check run on", check.head.as_str())));
    let ours = truth.comments.iter().filter(|comment| comment.is_ours());
    wrong.extend(repeated(ours.map(|comment| {
        ("comment", comment.number, comment.body.lines().next().unwrap_or_default())
    })));
    wrong.extend(repeated(deeds().filter_map(|deed| match deed {
        Deed::Committed(_, attempt, _) => Some(("commit of", *attempt)),
        _ => None,
    })));
    wrong.extend(repeated(deeds().filter_map(|deed| match deed {
        Deed::Reran(run, attempt) => Some(("rerun", *run, *attempt)),
        _ => None,
    })));
    wrong.extend(deeds().filter_map(|deed| match deed {
        Deed::Overwrote(number, sha) => Some(format!("{number}: {sha} was taken off the branch")),
        _ => None,
    }));
    for pull in &truth.pulls {
        let undone = |commit: &super::truth::Commit| commit.by == super::truth::By::Undo;
        if pull.commits.windows(2).any(|pair| pair.iter().all(undone)) {
            wrong.push(format!("{}: the same was taken back twice", pull.number));
        }
    }
    let mut started: BTreeMap<AttemptId, u8> = BTreeMap::new();
    for deed in deeds() {
        if let Deed::Dispatched(_, attempt, _) = deed {
            *started.entry(*attempt).or_default() += 1;
        }
    }
    wrong.extend(started.into_iter().filter_map(|(attempt, runs)| {
        let wanted = tables.attempts.get(&attempt).map_or(0, |attempt| attempt.dispatches);
        (runs > wanted).then(|| format!("{runs} runners of {attempt}, {wanted} were wanted"))
    }));
    wrong
}

/// Three attempts a case, and three commits of ours without a person's in between.
fn too_many_attempts(truth: &Truth, tables: &Tables) -> Vec<String> {
    let of = |case| tables.attempts.values().filter(|attempt| attempt.case == case).count();
    let cases = tables
        .cases
        .values()
        .filter(|case| case.attempts > ATTEMPTS_MAX || of(case.id) > usize::from(ATTEMPTS_MAX));
    let mut wrong: Vec<String> = cases.map(|case| format!("too many attempts: {case:?}")).collect();
    for pull in &truth.pulls {
        let by_person = |commit: &super::truth::Commit| commit.by == super::truth::By::Person;
        let is_fix = |commit: &&super::truth::Commit| commit.by != super::truth::By::Undo;
        let fixes = |run: &[super::truth::Commit]| run.iter().filter(is_fix).count();
        let runs = pull.commits.split(by_person).map(fixes).max().unwrap_or(0);
        if runs > usize::from(ATTEMPTS_MAX) {
            wrong.push(format!("{}: {runs} commits of ours in a row", pull.number));
        }
    }
    wrong
}

/// After a stop that we agreed to, nothing is begun and nothing is committed. Where somebody said go
/// on after it, or by a button, of which the forge does not tell the time, nothing is asked.
fn against_peoples_word(truth: &Truth) -> Vec<String> {
    let mut stops = BTreeMap::new();
    let mut stopped: BTreeSet<PrNumber> = BTreeSet::new();
    let mut freed: BTreeMap<PrNumber, usize> = BTreeMap::new();
    for (at, (_, deed)) in truth.deeds.iter().enumerate() {
        if let Some(number) = frees(deed) {
            let is_timed = matches!(deed, Deed::Asked(.., Some(_)));
            freed.insert(number, if is_timed { at } else { usize::MAX });
        }
    }
    let mut wrong = Vec::new();
    for (at, (_, deed)) in truth.deeds.iter().enumerate() {
        match deed {
            Deed::Asked(number, AskKind::Stop, Some(comment)) => {
                stops.insert(*comment, (at, *number));
            }
            Deed::Reacted(comment, Reaction::Rocket) => {
                let said = stops.get(comment).copied();
                let is_last = |at: usize, of| freed.get(&of).is_none_or(|freed| *freed < at);
                stopped.extend(said.filter(|(at, of)| is_last(*at, *of)).map(|(_, of)| of));
            }
            Deed::Committed(number, attempt, _) | Deed::Dispatched(number, attempt, _)
                if stopped.contains(number) =>
            {
                wrong.push(format!("{number} was stopped, and {attempt} went on: {deed:?}"));
            }
            _ => {}
        }
    }
    wrong
}

/// The pull request on which work may go on by that, whatever was said before.
fn frees(deed: &Deed) -> Option<PrNumber> {
    use AskKind::{Approve, Fix, Resume, Retry};
    match deed {
        Deed::Asked(number, Fix | Retry | Resume | Approve, _)
        | Deed::Closed(number)
        | Deed::Reopened(number) => Some(*number),
        _ => None,
    }
}

/// Of stop and resume the one that was said last is what is so in the end, in whatever order they
/// were heard.
fn not_the_last_word(pull: &SimPull, truth: &Truth, tables: &Tables) -> Option<String> {
    let mut last = None;
    for (_, deed) in &truth.deeds {
        match deed {
            Deed::Asked(number, kind, Some(comment)) if *number == pull.number => {
                let by = truth.comments.iter().find(|known| known.id == *comment);
                let may = by.is_some_and(|comment| comment.by == WRITER);
                last = Some(*kind).filter(|kind| may && kind.heed() == Heed::Lasting).or(last);
            }
            // Buttons carry no time, and a stop ends with the pull request.
            Deed::Asked(number, ..) | Deed::Closed(number) | Deed::Reopened(number)
                if *number == pull.number =>
            {
                return None;
            }
            _ => {}
        }
    }
    let state = tables.pull(repo().id, pull.number)?.case.map(|case| case.state);
    let is_wrong = match (last?, &state) {
        (AskKind::Stop, state) => !matches!(state, Some(CaseState::Stopped(_))),
        (AskKind::Resume, state) => {
            matches!(state, Some(CaseState::Stopped(StoppedBy::Person(_))))
        }
        _ => false, // another attempt may be refused for other reasons
    };
    is_wrong.then(|| format!("{}: `{last:?}` was the last word: {state:?}", pull.number))
}

/// Every failing head ended in one state in which nothing more comes by itself.
fn state_of(pull: &SimPull, truth: &Truth, tables: &Tables) -> Vec<String> {
    let number = pull.number;
    let head = &pull.head().sha;
    let ci = ci_of(truth, head);
    let record = tables.pull(repo().id, number);
    let case = record.and_then(|record| record.case);
    let live = case.as_ref().filter(|case| !case.state.is_final());
    let say = |what: &str| vec![format!("{number} at {head}, CI {ci:?}: {what}: {case:?}")];
    let Some(live) = live else {
        let fails = matches!(ci, Ci::Red(_)) && pull.state == PullState::Open;
        return if fails { say("nobody cares") } else { Vec::new() };
    };
    if pull.state != PullState::Open {
        return say("it is closed, and its case lives");
    }
    if live.head != *head {
        return say("the case is about another commit");
    }
    let is_at_rest = match (&live.state, &ci) {
        (state @ CaseState::Stopped(_), _) => state.undoing().is_none(),
        (CaseState::Healed(_), ci) => matches!(ci, Ci::Green),
        (CaseState::Escalated(_) | CaseState::Excused(_), ci) => !matches!(ci, Ci::Green),
        (CaseState::AwaitingApproval(_) | CaseState::AwaitingAnswer(_), ci) => {
            matches!(ci, Ci::Red(_))
        }
        (CaseState::Watching, ci) => matches!(ci, Ci::Nothing),
        (
            CaseState::Diagnosing
            | CaseState::Rerunning
            | CaseState::Healing(_)
            | CaseState::Proving(_)
            | CaseState::Superseded(_)
            | CaseState::Closed,
            _,
        ) => false,
    };
    if is_at_rest { Vec::new() } else { say("this is no end") }
}

/// What people see is what is so.
fn shown_of(pull: &SimPull, truth: &Truth, tables: &Tables) -> Vec<String> {
    let number = pull.number;
    let mut wrong = Vec::new();
    let Some(case) = tables.pull(repo().id, number).and_then(|record| record.case) else {
        return wrong;
    };
    let check = truth.checks.iter().find(|check| check.head == case.head);
    let is_waiting = case.state == CaseState::Watching;
    match check {
        None => wrong.push(format!("{number}: no check run on {}: {case:?}", case.head)),
        Some(check) if !check.status.is_completed() && !is_waiting => {
            wrong.push(format!("{number}: the check run still says `{}`", check.title));
        }
        Some(_) => {}
    }
    if !case.state.is_working() {
        let ours = pull.labels.iter().filter(|label| label.as_str() != STOP_LABEL);
        wrong.extend(ours.map(|label| format!("{number}: our label `{label}` is left")));
    }
    let is_label_there = pull.labels.iter().any(|label| label.as_str() == STOP_LABEL);
    if pull.state == PullState::Open
        && !is_label_there
        && matches!(case.state, CaseState::Stopped(StoppedBy::Label(_)))
    {
        wrong.push(format!("{number}: stopped by a label that is gone"));
    }
    wrong
}
