//! What the product decides about a recorded failure before anything is spent on it.
//!
//! A case stands for a pull request whose CI is red and whose jobs can be run again. It is taken
//! through the states as the server does it, by [`decide`]; `rerun` in the case says how a rerun ends.
//! What it says of the base branch and of history is what the server reads from forge and store.

use anyhow::Context as _;
use uuid::Uuid;

use super::case::{CaseFile, Earlier, Ends, Stood};
use crate::domain::case::{Asked, Case, CaseState, Excuse, Healed};
use crate::domain::cause::{self, Base, BaseRed, BaseState, Judgement, Known, Standing};
use crate::domain::decide::{AutoMergeHold, Facts, PolicyState, decide};
use crate::domain::evidence::Evidence;
use crate::domain::failure::Failure;
use crate::domain::flakes::Past;
use crate::domain::gate::before::{BeforeAttempt, Room, Used, judge};
use crate::domain::ids::{
    AttemptId, Branch, CaseId, InstallationId, Login, PrNumber, RepoId, RepoSlug, RunId, Sha,
    Timestamp, UserId,
};
use crate::domain::policy::Policy;
use crate::domain::pull::{
    Actor, BranchRules, Ci, CiRun, Head, Pull, PullState, Queue, Readiness, Repo,
};

/// The moment at which everything begins.
const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

/// Time between two looks: reruns have settled, and pauses before the next one are over.
const LOOK_MS: i64 = 61 * 60 * 1000;

/// The most looks that a case takes before an attempt: three reruns, each with its pause.
const LOOKS_MAX: usize = 12;

/// The end to which the decision comes without an attempt, and why; none when an attempt begins.
pub(super) fn end(
    file: &CaseFile,
    policy: &Policy,
    evidence: &Evidence,
) -> anyhow::Result<Option<(Ends, String)>> {
    let pull = pull(evidence)?;
    let verdict = judge(&BeforeAttempt {
        pull: &pull,
        policy,
        evidence,
        rules: &BranchRules::default(),
        queue: Queue::Outside,
        failed: &["ci".to_owned()],
        used: Used::default(),
        room: Room::Free,
        asked: Asked::No,
        // A recorded case has no record of others.
        autonomy: None,
    });
    let mut case = case(&pull);
    let mut now = NOW;
    let mut attempt = 1;
    let mut ci = red(attempt);
    for _ in 0..LOOKS_MAX {
        let facts = Facts {
            pull: &pull,
            ci: &ci,
            policy,
            policy_state: PolicyState::Usable,
            evidence: Some(evidence),
            before: Some(&verdict),
            attempt: None,
            asks: &[],
            heeded: &[],
            hold: AutoMergeHold::BySwitch,
            own_head: None,
            undo: None,
            undone: None,
            next_attempt: AttemptId::new(Uuid::from_u128(1)),
        };
        case = decide(case, &facts, now).case;
        now = now.plus_ms(LOOK_MS);
        match &case.state {
            CaseState::Watching | CaseState::Diagnosing => {}
            CaseState::Rerunning => {
                attempt += 1;
                ci = if file.rerun == Some(Stood::Green) { Ci::Green } else { red(attempt) };
            }
            CaseState::Healing(_) => return Ok(None),
            state => {
                let why = format!("{}: {}", state.as_str(), verdict.words());
                return Ok(Some((end_of(state, evidence), why)));
            }
        }
    }
    anyhow::bail!("no decision after {LOOKS_MAX} looks, the last state is {}", case.state.as_str())
}

fn end_of(state: &CaseState, evidence: &Evidence) -> Ends {
    match state {
        CaseState::Excused(Excuse::Infrastructure) => Ends::Infrastructure,
        CaseState::Excused(Excuse::BaseBroken | Excuse::BaseMended) => Ends::BaseBroken,
        CaseState::Healed(Healed::ByRerun) if is_transient(evidence) => Ends::Infrastructure,
        CaseState::Excused(Excuse::Flaky) | CaseState::Healed(_) => Ends::Flaky,
        CaseState::Watching
        | CaseState::Diagnosing
        | CaseState::Rerunning
        | CaseState::Excused(_)
        | CaseState::Healing(_)
        | CaseState::AwaitingApproval(_)
        | CaseState::AwaitingAnswer(_)
        | CaseState::Proving(_)
        | CaseState::Escalated(_)
        | CaseState::Stopped(_)
        | CaseState::Superseded(_)
        | CaseState::Closed => Ends::NeedsPerson,
    }
}

fn is_transient(evidence: &Evidence) -> bool {
    evidence.judgement.standing(&evidence.failures, &[]) == Standing::Transient
}

/// The job that a case stands for.
const JOB: &str = "ci / case";

/// Failures as the server has them, which knows the job that they were seen in.
pub(super) fn seen(failures: &[Failure]) -> Vec<Failure> {
    let mut failures = failures.to_vec();
    for failure in &mut failures {
        failure.source.jobs = vec![JOB.to_owned()];
    }
    failures
}

/// Whose fault the failures are, by what the case says of the base branch and of earlier runs.
pub(super) fn judgement(file: &CaseFile, failures: &[Failure], head: &Sha) -> Judgement {
    let state = file.base.map(|stood| match stood {
        Stood::Green => BaseState::Green,
        Stood::Red => BaseState::Red(BaseRed {
            failures: failures.iter().map(Failure::fingerprint).collect(),
            unread: vec![JOB.to_owned()],
        }),
    });
    let branch = Branch::parse("main").expect("invariant: a built-in branch is well formed");
    let base = state.map(|state| Base { branch, at: head.clone(), state });
    let past = past(&file.history, failures);
    let earlier = Judgement::default();
    let known = Known {
        changed_files: &[],
        base: base.as_ref(),
        began: None,
        past: &past,
        earlier: &earlier,
        mends: None,
    };
    cause::judge(failures, &known)
}

/// What running the same commit again has shown, of each failure.
fn past(history: &[Earlier], failures: &[Failure]) -> Vec<Past> {
    let (mut gone, mut again) = (0, 0);
    for (index, run) in history.iter().enumerate() {
        let mut before = history[..index].iter().filter(|earlier| earlier.commit == run.commit);
        if before.any(|earlier| earlier.ended == Stood::Red) {
            match run.ended {
                Stood::Green => gone += 1,
                Stood::Red => again += 1,
            }
        }
    }
    let of = |failure: &Failure| Past {
        fingerprint: failure.fingerprint(),
        test: failure.test.clone(),
        title: String::new(),
        gone,
        again,
        last: NOW,
    };
    failures.iter().map(of).collect()
}

fn red(attempt: u32) -> Ci {
    Ci::Red(vec![CiRun::Workflow { run: RunId::new(1), attempt, name: "ci".to_owned() }])
}

fn pull(evidence: &Evidence) -> anyhow::Result<Pull> {
    let repo = Repo {
        id: RepoId::new(1),
        slug: RepoSlug::parse("replay/case")?,
        installation: InstallationId::new(1),
    };
    let (branch, base) = (Branch::parse("change")?, Branch::parse("main")?);
    let login = Login::parse("somebody").context("a login")?;
    Ok(Pull {
        number: PrNumber::new(1),
        node_id: String::new(),
        author: Actor { id: UserId::new(1), login, is_bot: false },
        state: PullState::Open,
        readiness: Readiness::Ready,
        head: Head { sha: evidence.head.clone(), branch, repo: Some(repo.id) },
        base,
        base_sha: evidence.head.clone(),
        labels: Vec::new(),
        auto_merge: None,
        conflicts: Some(false),
        updated_at: NOW,
        repo,
    })
}

fn case(pull: &Pull) -> Case {
    Case {
        id: CaseId::new(Uuid::from_u128(1)),
        repo: pull.repo.clone(),
        number: pull.number,
        opened_head: pull.head.sha.clone(),
        head: pull.head.sha.clone(),
        opened_at: NOW,
        since: NOW,
        state: CaseState::Watching,
        attempts: 0,
        reruns: 0,
        asked: Asked::No,
        labels: Vec::new(),
        auto_merge: None,
    }
}
