//! Which pull request mends, what it says it is for, and when it is not needed any more.

use super::*;
use crate::domain::cause::{BaseRed, Judged, Judgement};
use crate::domain::failure::FailureKind;
use crate::domain::ids::{InstallationId, Login, RepoId, RepoSlug, Timestamp};
use crate::domain::pull::{Actor, Head, Readiness, Repo};

const BOT: UserId = UserId::new(7);

fn branch(name: &str) -> Branch {
    Branch::parse(name).unwrap()
}

fn sha(digit: char) -> Sha {
    Sha::parse(&digit.to_string().repeat(40)).unwrap()
}

fn print(digit: char) -> Fingerprint {
    Fingerprint::from_stored(digit.to_string().repeat(24))
}

fn pull(author: UserId, state: PullState) -> Pull {
    let repo = Repo {
        id: RepoId::new(1),
        slug: RepoSlug::parse("acme/widget").unwrap(),
        installation: InstallationId::new(2),
    };
    Pull {
        head: Head { sha: sha('a'), branch: branch("selfheal/mend-main"), repo: Some(repo.id) },
        repo,
        number: PrNumber::new(31),
        node_id: String::new(),
        author: Actor { id: author, login: Login::parse("selfheal[bot]").unwrap(), is_bot: true },
        state,
        readiness: Readiness::Draft,
        base: branch("main"),
        base_sha: sha('0'),
        labels: Vec::new(),
        auto_merge: None,
        conflicts: None,
        updated_at: Timestamp::from_millis(0),
    }
}

fn begun_for(failures: &[Fingerprint]) -> Begun {
    Begun { base: branch("main"), broken_at: sha('d'), failures: failures.to_vec() }
}

fn commit(author: UserId, message: &str) -> PullCommit {
    PullCommit { sha: sha('c'), author: Some(author), message: message.to_owned() }
}

#[test]
fn a_branch_has_one_name_and_no_two_share_it() {
    let names = |base: &str| branch_of(&branch(base)).as_str().to_owned();
    assert_eq!(names("main"), "selfheal/mend-main");
    assert_eq!(names("release-1.2"), "selfheal/mend-release-1.2");
    let slashed = names("release/1.2");
    assert!(slashed.starts_with("selfheal/mend-release-1.2-"), "{slashed}");
    assert_ne!(slashed, names("release-1.2"), "and no branch is a folder of another");
    let long = names(&"x".repeat(250));
    assert!(long.len() < 150 && long != names(&"x".repeat(249)), "{long}");
    assert!(!names("gr\u{fc}n").contains('\u{fc}'));
}

#[test]
fn it_is_known_by_who_opened_it_and_from_where() {
    let ours = pull(BOT, PullState::Open);
    assert!(is_mending(&ours, BOT));
    assert!(!is_mending(&pull(UserId::new(8), PullState::Open), BOT), "a person's");
    let elsewhere = Pull { base: branch("next"), ..ours.clone() };
    assert!(!is_mending(&elsewhere, BOT), "somebody has pointed it at another branch");
    let mut forked = ours;
    forked.head.repo = Some(RepoId::new(9));
    assert!(!is_mending(&forked, BOT), "a fork may call its branches as it likes");
}

#[test]
fn its_first_commit_and_its_text_say_what_it_is_for() {
    let begun = begun_for(&[print('1'), print('2')]);
    insta::assert_snapshot!(begun.message(), @r"
    Begin to mend main

    CI of main is red at ddddddd. This commit has no content: CI of it shows what
    fails there without any change.

    Selfheal-Mends: main@dddddddddddddddddddddddddddddddddddddddd; failures=111111111111111111111111,222222222222222222222222
    ");
    assert_eq!(Begun::of(&begun.message()), Some(begun.clone()));
    assert_eq!(Begun::of("Selfheal-Mends: main"), None);
    assert_eq!(marked(&format!("{}\nCI is red", begun.mark())), Some(begun.failures));
    assert_eq!(marked(WITHDRAWN), None);
}

#[test]
fn it_is_ours_until_somebody_else_commits() {
    let begun = begun_for(&[print('1')]);
    let first = commit(BOT, &begun.message());
    let other = UserId::new(8);
    let is = |commits: &[PullCommit]| super::begun(commits, BOT).is_some();
    assert!(is(std::slice::from_ref(&first)));
    assert!(is(&[first.clone(), commit(BOT, "Run rustfmt")]));
    assert!(!is(&[first, commit(other, "Mine")]));
    assert!(!is(&[commit(other, &begun.message())]), "a forged trailer counts for nothing");
    assert!(!is(&[]));
}

#[track_caller]
fn plans(before: &[(UserId, PullState, &[char])], expected: &str) {
    let proposed = |(author, state, failures): &(UserId, PullState, &[char])| {
        let failures: Vec<Fingerprint> = failures.iter().copied().map(print).collect();
        let is_withdrawn = failures.is_empty();
        let body = if is_withdrawn { WITHDRAWN.into() } else { begun_for(&failures).mark() };
        Proposed { pull: pull(*author, *state), body }
    };
    let plan = match plan(before.iter().map(proposed).collect(), BOT, &[print('1'), print('2')]) {
        Plan::There(_) => "there",
        Plan::Declined(_) => "declined",
        Plan::Begin => "begin",
    };
    assert_eq!(plan, expected, "{before:?}");
}

#[test]
fn one_is_open_at_a_time_and_what_a_person_closed_is_not_opened_again() {
    use PullState::{Closed, Merged, Open};
    plans(&[], "begin");
    plans(&[(BOT, Open, &['1'])], "there");
    plans(&[(UserId::new(8), Open, &['1'])], "there");
    plans(&[(BOT, Closed, &['9']), (BOT, Open, &['1'])], "there");
    plans(&[(BOT, Merged, &['1', '2'])], "begin");
    plans(&[(BOT, Closed, &['1', '2', '3'])], "declined");
    plans(&[(BOT, Closed, &['1'])], "begin");
    plans(&[(BOT, Closed, &[])], "begin");
    plans(&[(UserId::new(8), Closed, &['1', '2'])], "begin");
    plans(&[(BOT, Merged, &['1']), (BOT, Closed, &['1', '2'])], "begin");
}

fn evidence() -> Evidence {
    let mut failure = Failure::new(FailureKind::Lint, "it broke");
    failure.source.jobs = vec!["ci / lint".to_owned()];
    Evidence {
        head: sha('a'),
        runs: Vec::new(),
        failures: vec![failure, Failure::new(FailureKind::Format, "its own")],
        excerpt: String::new(),
        commands: Vec::new(),
        green_commands: Vec::new(),
        sources: Vec::new(),
        notes: Vec::new(),
        changed_files: Vec::new(),
        judgement: Judgement {
            causes: [Cause::Base, Cause::Change]
                .map(|cause| Judged { cause, why: String::new() })
                .to_vec(),
            ..Judgement::default()
        },
    }
}

#[test]
fn what_the_base_has_too_is_what_it_is_for() {
    let evidence = evidence();
    let found = on_base(&evidence);
    assert_eq!(found, [&evidence.failures[0]]);
    assert_eq!(prints(&[found[0], found[0]]).len(), 1);
}

#[track_caller]
fn ends(expected: Option<&Over>, change: fn(&mut Known<'_>)) {
    let begun = begun_for(&[]).message();
    let (one, evidence) = ([commit(BOT, &begun)], evidence());
    let mut known = Known {
        commits: &one,
        ci: &Ci::Pending { red: Vec::new() },
        base: None,
        case: None,
        evidence: Some(&evidence),
        quiet_ms: 10,
        ci_start_ms_max: 20,
    };
    change(&mut known);
    assert_eq!(over(&known).as_ref(), expected);
}

fn base(state: BaseState) -> &'static Base {
    Box::leak(Box::new(Base { branch: branch("main"), at: sha('b'), state }))
}

fn red(failures: Vec<Fingerprint>, unread: &[&str]) -> &'static Base {
    let unread = unread.iter().map(|job| (*job).to_owned()).collect();
    base(BaseState::Red(BaseRed { failures, unread }))
}

#[test]
fn it_is_over_when_the_base_is_mended_or_nothing_is_red() {
    let mended = Over::Mended(sha('b'));
    ends(None, |_| {});
    ends(Some(&mended), |k| k.base = Some(base(BaseState::Green)));
    ends(None, |k| k.base = Some(base(BaseState::Running)));
    ends(Some(&mended), |k| k.base = Some(red(vec![print('9')], &["ci / test"])));
    ends(None, |k| k.base = Some(red(vec![evidence().failures[0].fingerprint()], &[])));
    ends(None, |k| k.base = Some(red(vec![], &["ci / lint"])));
    ends(None, |k| {
        k.base = Some(red(vec![print('9')], &[]));
        k.evidence = None;
    });
    ends(Some(&Over::Green), |k| k.ci = &Ci::Green);
    ends(None, |k| k.ci = &Ci::Nothing);
    ends(Some(&Over::NoCi), |k| {
        k.ci = &Ci::Nothing;
        k.quiet_ms = 21;
    });
}

#[test]
fn what_has_a_fix_on_it_waits_for_a_person() {
    let fixed = [commit(BOT, &begun_for(&[]).message()), commit(BOT, "Run rustfmt")];
    let fixed: &'static [PullCommit] = Box::leak(Box::new(fixed));
    let known = Known {
        commits: fixed,
        ci: &Ci::Green,
        base: None,
        case: None,
        evidence: None,
        quiet_ms: 0,
        ci_start_ms_max: 20,
    };
    assert_eq!(over(&known), None);
}
