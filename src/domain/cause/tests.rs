//! Whose fault a failure is: one table, one thing changed at a time.

use super::*;
use crate::domain::failure::Fingerprint;
use crate::domain::ids::{Sha, Timestamp};

fn sha(digit: char) -> Sha {
    Sha::parse(&digit.to_string().repeat(40)).unwrap()
}

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

fn failure(kind: FailureKind) -> Failure {
    let mut failure = Failure::new(kind, "it broke");
    failure.file = Some(path("src/lib.rs"));
    failure.source.jobs = vec!["ci / test".to_owned()];
    failure
}

fn base(state: BaseState) -> Base {
    Base { branch: Branch::parse("main").unwrap(), at: sha('b'), state }
}

fn red(failures: Vec<Fingerprint>, unread: &[&str]) -> Base {
    let unread = unread.iter().map(|job| (*job).to_owned()).collect();
    base(BaseState::Red(BaseRed { failures, unread }))
}

fn past(failure: &Failure, gone: u32) -> Past {
    Past {
        fingerprint: failure.fingerprint(),
        test: None,
        title: String::new(),
        gone,
        again: 0,
        last: Timestamp::from_millis(0),
    }
}

/// An ordinary test failure that the change does not touch, beside a green base.
struct Scene {
    failure: Failure,
    changed: Vec<RepoPath>,
    base: Option<Base>,
    began: Option<Base>,
    past: Vec<Past>,
    earlier: Judgement,
    mends: Option<Branch>,
}

fn judged(change: fn(&mut Scene)) -> Judgement {
    let mut scene = Scene {
        failure: failure(FailureKind::TestFailure),
        changed: vec![path("README.md")],
        base: Some(base(BaseState::Green)),
        began: None,
        past: Vec::new(),
        earlier: Judgement::default(),
        mends: None,
    };
    change(&mut scene);
    let known = Known {
        changed_files: &scene.changed,
        base: scene.base.as_ref(),
        began: scene.began.as_ref(),
        past: &scene.past,
        earlier: &scene.earlier,
        mends: scene.mends.as_ref(),
    };
    judge(&[scene.failure], &known)
}

#[track_caller]
fn check(expected: Cause, why: &str, change: fn(&mut Scene)) {
    let judgement = judged(change);
    let found = &judgement.causes[0];
    assert_eq!(found.cause, expected, "{}", found.why);
    assert!(found.why.contains(why), "{}", found.why);
}

#[test]
fn a_failure_is_the_changes_where_the_base_or_the_place_says_so() {
    check(Cause::Change, "main is green at bbbbbbb", |_| {});
    check(Cause::Change, "red at bbbbbbb, but not with this", |s| {
        s.base = Some(red(vec![Failure::new(FailureKind::Lint, "other").fingerprint()], &[]));
    });
    let touched = |s: &mut Scene| {
        s.changed.push(path("src/lib.rs"));
        s.base = Some(base(BaseState::Running));
    };
    check(Cause::Change, "a file that changes", touched);
}

#[test]
fn what_nothing_speaks_of_is_unknown_and_never_flaky() {
    check(Cause::Unknown, "CI of main has not ended", |s| s.base = Some(base(BaseState::Running)));
    check(Cause::Unknown, "nobody runs it", |s| {
        s.base = Some(base(BaseState::Unknown("nobody runs it")));
    });
    check(Cause::Unknown, "no base", |s| s.base = None);
    check(Cause::Unknown, "not understood", |s| {
        s.failure = failure(FailureKind::Unknown);
        s.failure.message = "flaky! intermittent! race! retry!".to_owned();
    });
    check(Cause::Unknown, "not understood", |s| {
        s.failure = failure(FailureKind::Unknown);
        s.base = Some(red(vec![s.failure.fingerprint()], &[]));
    });
}

#[test]
fn what_the_base_has_too_is_the_bases() {
    let same = |s: &mut Scene| s.base = Some(red(vec![s.failure.fingerprint()], &[]));
    check(Cause::Base, "main has the same failure at bbbbbbb", same);
    check(Cause::Base, "ci / test is red on main, too", |s| {
        s.base = Some(red(vec![], &["ci / test"]));
    });
    check(Cause::Change, "not with this", |s| s.base = Some(red(vec![], &["ci / lint"])));
    check(Cause::Base, "same failure", |s| {
        s.changed.push(path("src/lib.rs"));
        s.base = Some(red(vec![s.failure.fingerprint()], &[]));
    });
}

#[test]
fn what_the_base_had_where_the_pull_request_was_made_is_the_bases_and_mended() {
    let from_red = |s: &mut Scene| {
        let red = red(vec![s.failure.fingerprint()], &[]);
        s.began = Some(Base { at: sha('d'), ..red });
    };
    let why = "main had it at ddddddd, from which this was made, and has it no more at bbbbbbb";
    check(Cause::Base, why, from_red);
    let broken = judged(from_red).base.unwrap();
    assert_eq!((broken.broken_at, broken.mended_at), (sha('d'), Some(sha('b'))));
    check(Cause::Base, "ci / test was red on main, too, at ddddddd", |s| {
        s.began = Some(Base { at: sha('d'), ..red(vec![], &["ci / test"]) });
    });
    check(Cause::Change, "green", |s| {
        s.began = Some(Base { at: sha('d'), ..base(BaseState::Green) });
    });
    check(Cause::Change, "green", |s| {
        s.changed.push(path("src/lib.rs"));
        s.began = Some(Base { at: sha('d'), ..red(vec![s.failure.fingerprint()], &[]) });
    });
    check(Cause::Base, "from which this was made, and CI of bbbbbbb has not ended", |s| {
        s.base = Some(base(BaseState::Running));
        s.began = Some(Base { at: sha('d'), ..red(vec![s.failure.fingerprint()], &[]) });
    });
    check(Cause::Unknown, "nobody runs it", |s| {
        s.base = Some(base(BaseState::Unknown("nobody runs it")));
        s.began = Some(Base { at: sha('d'), ..red(vec![s.failure.fingerprint()], &[]) });
    });
}

#[test]
fn the_pull_request_that_mends_the_base_is_the_one_that_is_not_excused() {
    let mends = |s: &mut Scene| {
        s.mends = Some(Branch::parse("main").unwrap());
        s.base = Some(red(vec![s.failure.fingerprint()], &[]));
    };
    check(Cause::Base, "main has the same failure at bbbbbbb", mends);
    let failures = [failure(FailureKind::TestFailure)];
    assert_eq!(judged(mends).standing(&failures, &[]), Standing::Ours);
    let mended = judged(|s| {
        s.mends = Some(Branch::parse("main").unwrap());
        s.earlier = broke_at('c');
    });
    assert_eq!(mended.standing(&failures, &[]), Standing::BaseMended, "by somebody else");
    check(Cause::Change, "not with this", |s| {
        s.mends = Some(Branch::parse("main").unwrap());
        s.base = Some(red(vec![], &["ci / lint"]));
    });
}

fn broke_at(digit: char) -> Judgement {
    let base = BaseBreak {
        branch: Branch::parse("main").unwrap(),
        broken_at: sha(digit),
        mended_at: None,
        mending: None,
    };
    let judged = Judged { cause: Cause::Base, why: "main had it".to_owned() };
    Judgement { causes: vec![judged], base: Some(base), ..Judgement::default() }
}

#[test]
fn a_base_that_is_mended_leaves_the_failure_the_bases() {
    check(Cause::Base, "had it at ccccccc and has it no more at bbbbbbb", |s| {
        s.earlier = broke_at('c');
    });
    check(Cause::Base, "main had it", |s| {
        s.earlier = broke_at('c');
        s.base = Some(base(BaseState::Running));
    });
    check(Cause::Base, "main had it", |s| s.earlier = broke_at('b'));
    let mended = judged(|s| s.earlier = broke_at('c')).base.unwrap();
    assert_eq!((mended.broken_at, mended.mended_at), (sha('c'), Some(sha('b'))));
    check(Cause::Change, "green", |s| {
        s.earlier = broke_at('c');
        s.earlier.causes[0].cause = Cause::Change;
    });
}

#[test]
fn flaky_is_what_came_and_went_on_the_same_commit_and_is_not_touched() {
    check(Cause::Flaky, "gone in 3 of 3 runs", |s| s.past = vec![past(&s.failure, 3)]);
    check(Cause::Change, "green", |s| s.past = vec![past(&s.failure, 2)]);
    check(Cause::Change, "but this pull request changes it", |s| {
        s.past = vec![past(&s.failure, 9)];
        s.changed.push(path("src/lib.rs"));
    });
    check(Cause::Change, "green", |s| {
        s.past = vec![past(&Failure::new(FailureKind::TestFailure, "other"), 9)];
    });
}

#[test]
fn a_failure_with_a_past_is_proven_by_more_than_one_run() {
    assert_eq!(judged(|_| {}).runs, None);
    assert_eq!(judged(|s| s.past = vec![past(&s.failure, 1)]).runs, Some(8));
}

#[test]
fn machines_servers_and_missing_rights_are_told_apart() {
    check(Cause::Infrastructure, "machine", |s| s.failure = failure(FailureKind::Infrastructure));
    check(Cause::Infrastructure, "longer", |s| s.failure = failure(FailureKind::Timeout));
    check(Cause::Infrastructure, "memory", |s| s.failure = failure(FailureKind::Oom));
    check(Cause::Outage, "elsewhere", |s| {
        s.failure = failure(FailureKind::Infrastructure);
        s.failure.tool = Some("npm".into());
    });
    check(Cause::CiConfig, "only a person", |s| {
        s.failure = failure(FailureKind::Infrastructure);
        s.failure.message = "Resource not accessible by integration".into();
    });
    check(Cause::CiConfig, "set up wrongly", |s| s.failure = failure(FailureKind::Config));
    // The words of a log make us do less, never more: a test that prints them is still a test.
    check(Cause::Change, "green", |s| s.failure.message = "AccessDenied".into());
}

#[test]
fn a_test_that_ran_into_its_runners_limit_is_a_test_that_failed() {
    let late = |s: &mut Scene| {
        s.failure = failure(FailureKind::Timeout);
        s.failure.test = Some("clock::ticks".into());
    };
    check(Cause::Change, "green", late);
    check(Cause::Flaky, "gone in 3", |s| {
        s.failure = failure(FailureKind::Timeout);
        s.failure.test = Some("clock::ticks".into());
        s.past = vec![past(&s.failure, 3)];
    });
}

#[test]
fn a_flaky_test_that_is_named_like_a_file_of_the_change_is_not_excused() {
    let clock = |s: &mut Scene| {
        s.failure.test = Some("clock::ticks".into());
        s.failure.file = None;
        s.past = vec![past(&s.failure, 9)];
    };
    check(Cause::Flaky, "gone in 9", clock);
    check(Cause::Change, "but this pull request changes it", |s| {
        s.failure.test = Some("clock::ticks".into());
        s.failure.file = None;
        s.past = vec![past(&s.failure, 9)];
        s.changed.push(path("tests/clock.rs"));
    });
}

#[test]
fn what_nobody_understood_is_unknown_whatever_its_past() {
    check(Cause::Unknown, "not understood", |s| {
        s.failure = failure(FailureKind::Unknown);
        s.past = vec![past(&s.failure, 9)];
    });
}

#[test]
fn a_push_that_is_refused_needs_a_person_and_a_server_that_is_down_does_not() {
    let judged = |code: &str| {
        let mut scene = failure(FailureKind::Infrastructure);
        scene.tool = Some("network".into());
        scene.message = format!(
            "unable to access 'https://x.test/a/': The requested URL returned error: {code}"
        );
        let earlier = Judgement::default();
        let known = Known {
            changed_files: &[],
            base: None,
            began: None,
            past: &[],
            earlier: &earlier,
            mends: None,
        };
        judge(&[scene], &known).causes[0].cause
    };
    assert_eq!(judged("403"), Cause::CiConfig);
    assert_eq!(judged("503"), Cause::Outage);
}

#[track_caller]
fn stands(causes: &[Cause], kinds: &[FailureKind], expected: Standing) {
    let judged = |cause: &Cause| Judged { cause: *cause, why: String::new() };
    let judgement = Judgement { causes: causes.iter().map(judged).collect(), ..broke_at('c') };
    let failures: Vec<Failure> = causes.iter().map(|_| failure(FailureKind::Config)).collect();
    assert_eq!(judgement.standing(&failures, kinds), expected, "{causes:?}");
}

#[test]
fn an_attempt_is_worth_it_when_anything_may_be_the_changes() {
    use Cause::{Base, Change, CiConfig, Flaky, Infrastructure, Outage, Unknown};
    stands(&[], &[], Standing::Ours);
    stands(&[Flaky, Change], &[], Standing::Ours);
    stands(&[Infrastructure, Unknown], &[], Standing::Ours);
    stands(&[Base, Base], &[], Standing::BaseBroken);
    stands(&[Base, Flaky], &[], Standing::BaseBroken);
    stands(&[Flaky, Outage], &[], Standing::Flaky);
    stands(&[Infrastructure, Outage], &[], Standing::Transient);
    stands(&[CiConfig, Outage], &[], Standing::CiConfig);
    stands(&[CiConfig], &[FailureKind::Config], Standing::Ours);
    let mut mended = broke_at('c');
    mended.base = mended.base.map(|base| BaseBreak { mended_at: Some(sha('b')), ..base });
    let failures = [failure(FailureKind::TestFailure)];
    assert_eq!(mended.standing(&failures, &[]), Standing::BaseMended);
}

#[test]
fn figures_count_a_case_under_what_decided() {
    let judged = |cause: Cause| Judged { cause, why: String::new() };
    let leading = |causes: &[Cause]| {
        let causes = causes.iter().copied().map(judged).collect();
        Judgement { causes, ..Judgement::default() }.leading()
    };
    assert_eq!(leading(&[]), Cause::Unknown);
    assert_eq!(leading(&[Cause::Outage, Cause::Change]), Cause::Change);
    assert_eq!(leading(&[Cause::Outage, Cause::Infrastructure]), Cause::Outage);
}
