//! The rule, as tables: what happened, and where that leads.

use uuid::Uuid;

use super::*;
use crate::domain::cause::Judgement;
use crate::domain::failure::{Failure, FailureKind};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn at(day: i64) -> Timestamp {
    Timestamp::from_millis(day * DAY)
}

fn evidence() -> Evidence {
    Evidence {
        head: Sha::parse(&"a".repeat(40)).unwrap(),
        runs: Vec::new(),
        failures: vec![Failure::new(FailureKind::Lint, "x")],
        excerpt: String::new(),
        commands: Vec::new(),
        green_commands: Vec::new(),
        sources: Vec::new(),
        notes: Vec::new(),
        changed_files: Vec::new(),
        judgement: Judgement::default(),
    }
}

/// Fixes in a text, one a day: `g` is green, `u` undone, `v` reverted, `j` rejected, `c` contradicted
/// by CI, `r` green and red again the day after.
fn fixes(text: &str) -> Vec<Fix> {
    let fix = |(nth, letter): (usize, char)| {
        let (nth, day) = (u64::try_from(nth).unwrap() + 1, i64::try_from(nth).unwrap() + 1);
        let (green, sign) = match letter {
            'g' => (true, None),
            'u' => (true, Some((Sign::Undone, at(day)))),
            'v' => (true, Some((Sign::Reverted, at(day)))),
            'j' => (false, Some((Sign::Rejected, at(day)))),
            'c' => (false, Some((Sign::Contradicted, at(day)))),
            'r' => (true, Some((Sign::RedAgain, at(day + 1)))),
            other => panic!("{other}"),
        };
        Fix {
            attempt: AttemptId::new(Uuid::from_u128(nth.into())),
            number: PrNumber::new(nth),
            commit: Sha::parse(&"c".repeat(40)).ok().filter(|_| green),
            green_at: green.then(|| at(day)),
            signs: sign.into_iter().collect(),
        }
    };
    text.chars().enumerate().map(fix).collect()
}

fn bounds(start: Level, least: Level, most: Level) -> Bounds {
    Bounds { start, least, most }
}

fn stands(record: &Record, bounds: Bounds, day: i64) -> Standing {
    standing(&evidence(), record, &bounds, at(day))
}

/// The levels that fixes lead through within everything that can be allowed, from `start` on.
#[track_caller]
fn check(start: Level, fixed: &str, expected: &[Level]) {
    let record = Record { last: None, fixes: fixes(fixed) };
    let all = bounds(start, Level::Observe, Level::Commit);
    let found = stands(&record, all, 1_000);
    let through: Vec<Level> = found.changes.iter().map(|change| change.to).collect();
    assert_eq!(through, expected, "{fixed}: {found:#?}");
    assert_eq!(found.level, expected.last().copied().unwrap_or(start));
}

#[test]
fn what_people_say_against_a_fix_lowers_it_at_once() {
    use Level::{Commit, Observe, Suggest};
    for sign in ["u", "v", "j"] {
        check(Commit, sign, &[Suggest]);
        check(Suggest, sign, &[Observe]);
        check(Observe, sign, &[]);
    }
    check(Commit, "uv", &[Suggest, Observe]);
    check(Commit, "gggguggg", &[Suggest]);
}

#[test]
fn what_ci_shows_lowers_it_when_it_is_three_in_a_row() {
    use Level::{Commit, Observe, Suggest};
    check(Commit, "cc", &[]);
    check(Commit, "ccc", &[Suggest]);
    check(Commit, "crc", &[Suggest]);
    check(Commit, "cccccc", &[Suggest, Observe]);
    check(Commit, "ccggggcc", &[]);
}

#[test]
fn five_in_a_row_raise_it_by_one() {
    use Level::{Commit, Observe, Suggest};
    check(Suggest, "gggg", &[]);
    check(Suggest, "ggggg", &[Commit]);
    check(Observe, "ggggg", &[Suggest]);
    check(Observe, "ggggggggggggg", &[Suggest, Commit]);
    check(Observe, "gggggggggggg", &[Suggest]);
    check(Suggest, "ggggcggggg", &[Commit]);
    check(Suggest, "ggggcgggg", &[]);
    check(Commit, "gggggggggg", &[]);
    // It comes back, and no sooner than it has earned it again.
    check(Commit, "ugggg", &[Suggest]);
    check(Commit, "uggggg", &[Suggest, Commit]);
    check(Commit, "ugggguggggg", &[Suggest, Observe, Suggest]);
}

#[test]
fn a_fix_is_accepted_after_three_days_without_a_word_against_it() {
    let record = Record { last: None, fixes: fixes("ggggg") };
    let least = bounds(Level::Suggest, Level::Suggest, Level::Commit);
    assert_eq!(stands(&record, least, 7).level, Level::Suggest);
    let raised = stands(&record, least, 8);
    assert_eq!(raised.level, Level::Commit);
    assert_eq!(raised.changes[0].at, at(8));
    assert_eq!(
        raised.because,
        "5 fixes in a row were accepted, the last one of pull request 5 (ccccccc)"
    );
    // A word against one that was accepted lowers it all the same.
    let mut late = record;
    late.fixes[0].signs.push((Sign::Undone, at(9)));
    let found = stands(&late, least, 10);
    assert_eq!(found.changes.len(), 2);
    assert_eq!(found.level, Level::Suggest);
    assert_eq!(found.because, "the fix of pull request 1 (ccccccc) was taken back");
}

#[test]
fn what_was_before_the_last_change_counts_no_more() {
    let last = Change { at: at(5), from: Level::Commit, to: Level::Suggest, because: "x".into() };
    let record = Record { last: Some(last), fixes: fixes("gguug") };
    let found = stands(&record, Bounds::default(), 30);
    assert_eq!(
        (found.level, found.changes.len(), found.because.as_str()),
        (Level::Suggest, 0, "x")
    );
    let again = Record { fixes: fixes("gguuuu"), ..record };
    let all = bounds(Level::Commit, Level::Observe, Level::Commit);
    assert_eq!(stands(&again, all, 30).level, Level::Observe, "the sixth day counts");
}

#[test]
fn nothing_leads_out_of_what_the_policy_allows() {
    use Level::{Commit, Observe, Suggest};
    let with = |start, least, most, fixed: &str| {
        stands(&Record { last: None, fixes: fixes(fixed) }, bounds(start, least, most), 99).level
    };
    assert_eq!(with(Commit, Commit, Commit, "uuuuu"), Commit);
    assert_eq!(with(Suggest, Observe, Suggest, "gggggggggg"), Suggest);
    assert_eq!(with(Commit, Suggest, Commit, "uuuuu"), Suggest);
    let last = Change { at: at(1), from: Commit, to: Observe, because: "x".into() };
    let kept = Record { last: Some(last), fixes: Vec::new() };
    let raised = stands(&kept, bounds(Commit, Suggest, Commit), 9);
    assert_eq!((raised.level, raised.because.as_str()), (Suggest, "the policy says `suggest`"));
}

#[test]
fn several_fixes_that_are_taken_back_at_once_are_one_thing() {
    let mut all = fixes("uu");
    all[1].signs[0].1 = at(1);
    let record = Record { last: None, fixes: all };
    let found = stands(&record, bounds(Level::Commit, Level::Observe, Level::Commit), 9);
    assert_eq!((found.level, found.changes.len()), (Level::Suggest, 1));
}

#[test]
fn a_person_is_told_why_and_what_would_change_it() {
    let record = Record { last: None, fixes: fixes("u") };
    assert_eq!(
        stands(&record, Bounds::default(), 9).words(),
        "fixes of class `lint` wait for a person here, because the fix of pull request 1 (ccccccc) \
         was taken back; 5 accepted fixes in a row raise that"
    );
    let only = bounds(Level::Observe, Level::Observe, Level::Observe);
    assert_eq!(
        stands(&Record::default(), only, 9).words(),
        "failures of class `lint` are only reported here, because the policy says `observe`"
    );
}
