//! Figures of cases that are written down here.

use uuid::Uuid;

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1_000)
}

fn case(places: &[(i64, Place)]) -> CaseRecord {
    CaseRecord {
        repo: RepoSlug::parse("acme/widget").unwrap(),
        class: Some("lint".into()),
        opened_at: at(0),
        places: places.iter().map(|(secs, place)| (at(*secs), *place)).collect(),
        now: places.last().map_or(Place::Waiting, |(_, place)| *place),
        marks: Vec::new(),
        attempts: 0,
        cost_nanos: 0,
        signs: Vec::new(),
    }
}

fn healed() -> CaseRecord {
    let mut healed = case(&[
        (0, Place::Waiting),
        (10, Place::Reading),
        (12, Place::Working),
        (100, Place::InCi),
        (160, Place::Green(Healed::ByUs)),
        (900, Place::Over),
    ]);
    let marks = [
        (20, Mark::Admitted),
        (60, Mark::ProvesFrom),
        (70, Mark::ProvesTo),
        (80, Mark::ProvesFrom),
        (90, Mark::ProvesTo),
        (92, Mark::Ended),
    ];
    healed.marks = marks.map(|(secs, mark)| (at(secs), mark)).to_vec();
    healed.attempts = 1;
    healed
}

#[test]
fn the_time_to_green_is_split_and_nothing_is_lost() {
    let split = split(&healed()).unwrap();
    let secs = |ms: i64| ms / 1_000;
    assert_eq!(secs(split.whole), 160);
    assert_eq!(secs(split.waiting), 10 + 8, "for CI, and for a runner");
    assert_eq!(secs(split.reading), 2);
    assert_eq!(secs(split.fixing), 40 + 10 + 2);
    assert_eq!(secs(split.proving), 10 + 10 + 8, "with gate and commit");
    assert_eq!(secs(split.ci), 60);
    let parts = split.waiting + split.reading + split.fixing + split.proving + split.ci;
    assert_eq!(parts, split.whole);
}

#[test]
fn what_is_not_known_is_not_zero() {
    let mut old = case(&[]);
    old.now = Place::Green(Healed::ByUs);
    old.attempts = 1;
    let some = figures([&old]);
    assert_eq!((some.healed, some.time_to_green), (1, None));
    let none = figures([&case(&[(0, Place::Waiting), (1, Place::Escalated)])]);
    assert_eq!((none.cost_nanos_per_green, none.time_to_green), (None, None));
    assert_eq!(quantiles(Vec::new()), None);
}

#[test]
fn a_case_counts_where_it_belongs() {
    let rerun = case(&[(0, Place::Rerunning), (9, Place::Green(Healed::ByRerun))]);
    let itself = case(&[(0, Place::Waiting), (9, Place::Green(Healed::ByItself))]);
    let excused = case(&[(0, Place::Reading), (9, Place::Excused)]);
    let escalated = case(&[(0, Place::Reading), (9, Place::Escalated)]);
    let all = figures([&healed(), &rerun, &itself, &excused, &escalated]);
    assert_eq!((all.cases, all.eligible, all.healed), (5, 2, 1));
    assert_eq!((all.reruns_saved, all.escalated), (1, 1));
    assert_eq!(all.time_to_green.unwrap().cases, 1);
}

#[test]
fn a_fix_is_false_once_whatever_the_signs() {
    let id = |number| AttemptId::new(Uuid::from_u128(number));
    let mut wrong = healed();
    wrong.cost_nanos = 30;
    wrong.signs = vec![(id(1), Sign::Undone), (id(1), Sign::RedAgain), (id(2), Sign::Contradicted)];
    let mut right = healed();
    right.cost_nanos = 11;
    let all = figures([&wrong, &right]);
    assert_eq!(all.false_fixes, 2);
    assert_eq!(all.signs.values().sum::<u64>(), 3);
    assert_eq!((all.cost_nanos, all.cost_nanos_per_green), (41, Some(20)));
}

#[test]
fn quantiles_are_values_that_there_were() {
    let of = |all: &[i64]| quantiles(all.to_vec()).map(|q| (q.p50_ms, q.p90_ms)).unwrap();
    assert_eq!(of(&[7]), (7, 7));
    assert_eq!(of(&[3, 1, 2]), (2, 3));
    assert_eq!(of(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]), (5, 9));
}

#[test]
fn figures_are_taken_apart_by_class_repository_and_day() {
    let mut other = healed();
    other.repo = RepoSlug::parse("acme/gadget").unwrap();
    other.class = None;
    other.opened_at = at(1);
    let stats = stats(&[healed(), other], at(0), |day| format!("day {}", day.millis()));
    let keys = |groups: &BTreeMap<String, Figures>| groups.keys().cloned().collect::<Vec<_>>();
    assert_eq!(stats.all.cases, 2);
    assert_eq!(keys(&stats.by_class), ["lint", "unread"]);
    assert_eq!(keys(&stats.by_repository), ["acme/gadget", "acme/widget"]);
    assert_eq!(keys(&stats.by_day), ["day 0", "day 1000"]);
}

#[test]
fn every_state_has_its_place() {
    for how in Healed::ALL {
        assert_eq!(Place::parse("healed", Some(how.as_str())), Some(Place::Green(how)));
    }
    assert_eq!(Place::parse("awaiting_approval", None), Some(Place::Waiting));
    assert_eq!(Place::parse("escalated", Some("attempts_used")), Some(Place::Escalated));
    assert_eq!(Place::parse("escalated", Some("dancing")), None);
    assert_eq!(Place::parse("dancing", None), None);
}
