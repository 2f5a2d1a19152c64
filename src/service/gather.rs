//! Gathering: the facts that a state needs, read from store and forge, each at most once a look.
//!
//! Reads are what a look costs at the forge, so nothing is read that the state does not need.

mod judging;

use super::policies::PolicyRead;
use super::{OWN_WORKFLOW, ServiceError, Services, mending};
use crate::domain::ask::{Ask, Heed};
use crate::domain::attempt::{AttemptRecord, AttemptState};
use crate::domain::autonomy::Standing;
use crate::domain::case::{Case, CaseState, Escalation, Excuse};
use crate::domain::command::permission_for;
use crate::domain::decide::{AttemptFacts, AutoMergeHold, Facts, PolicyState};
use crate::domain::effect::EffectResult;
use crate::domain::evidence::Evidence;
use crate::domain::flakes::{After, Trial, trials};
use crate::domain::gate::Verdict;
use crate::domain::gate::before::{BeforeAttempt, Room, Used, judge as judge_before};
use crate::domain::ids::{AttemptId, Timestamp};
use crate::domain::limits::Limits;
use crate::domain::message::{OwnCommit, own_since};
use crate::domain::outcome::Outcome;
use crate::domain::pull::{Ci, CiRun, Permission, Pull, PullState, Queue};
use crate::domain::undo::{NoUndo, Undo};
use crate::ports::store::{PullRecord, Usage};

/// A runner that was heard of this recently is alive; its run need not be asked after.
const SURELY_ALIVE_MS: i64 = 90 * 1000;

/// The facts gathered so far.
#[derive(Debug)]
pub(super) struct Gathered {
    pub pull: Pull,
    pub ci: Ci,
    pub policy: PolicyRead,
    pub evidence: Option<Evidence>,
    /// Whether the case was opened in this look.
    pub opens_case: bool,
    /// How much of its budgets the repository uses, once it was asked for.
    pub usage: Option<Usage>,
    /// Evidence that was read in this look and is to be kept.
    pub evidence_is_new: bool,
    /// What running the head again has shown, when it was read in this look.
    pub tried: Vec<Trial>,
    pub before: Option<Verdict>,
    pub verdict: Option<Verdict>,
    pub diff: Option<String>,
    pub run_ended: bool,
    pub asks: Vec<(Ask, Permission)>,
    /// What they have said before that lasts.
    pub heeded: Vec<Ask>,
    pub hold: AutoMergeHold,
    /// The head, when it is a commit of ours that the case does not know of.
    pub own_head: Option<OwnCommit>,
    /// What would take our commits back, or why nothing can, when somebody wants that.
    pub undo: Option<Result<Undo, NoUndo>>,
    /// What came of taking them back.
    pub undone: Option<EffectResult>,
    /// Where the class of what failed stands, once it was asked for.
    pub autonomy: Option<Standing>,
    /// When to look again, when something is not there yet.
    pub again_at: Option<Timestamp>,
}

impl Gathered {
    /// The facts in the form that the decision takes.
    pub fn facts<'a>(
        &'a self,
        attempt: Option<&'a AttemptRecord>,
        next_attempt: AttemptId,
    ) -> Facts<'a> {
        let broken = self.policy.problem.is_some();
        Facts {
            pull: &self.pull,
            ci: &self.ci,
            policy: &self.policy.policy,
            policy_state: if broken { PolicyState::Broken } else { PolicyState::Usable },
            evidence: self.evidence.as_ref(),
            before: self.before.as_ref(),
            attempt: attempt.map(|record| AttemptFacts {
                attempt: &record.attempt,
                report: &record.report,
                dispatched: record.dispatched.as_ref(),
                committed: record.committed.as_ref(),
                run_ended: self.run_ended,
                verdict: self.verdict.as_ref(),
            }),
            asks: &self.asks,
            heeded: &self.heeded,
            hold: self.hold,
            own_head: self.own_head.as_ref(),
            undo: self.undo.as_ref(),
            undone: self.undone.as_ref(),
            next_attempt,
        }
    }
}

/// What every look needs: the pull request, its CI and the repository's policy.
pub(super) async fn first(services: &Services, pull: Pull) -> Result<Gathered, ServiceError> {
    let forge = &services.forge;
    let ci = forge.ci(&pull.repo, &pull.head.sha, OWN_WORKFLOW).await?;
    let policy = services.policies.at(forge.as_ref(), &pull.repo, &pull.base_sha).await?;
    Ok(Gathered {
        pull,
        ci,
        policy,
        evidence: None,
        opens_case: false,
        usage: None,
        evidence_is_new: false,
        tried: Vec::new(),
        before: None,
        verdict: None,
        diff: None,
        run_ended: false,
        asks: Vec::new(),
        heeded: Vec::new(),
        hold: AutoMergeHold::BySwitch,
        own_head: None,
        undo: None,
        undone: None,
        autonomy: None,
        again_at: None,
    })
}

/// What people want, what they may do, and what they have said before.
pub(super) async fn asks(
    services: &Services,
    gathered: &mut Gathered,
    record: &PullRecord,
) -> Result<(), ServiceError> {
    gathered.heeded.clone_from(&record.heeded);
    gathered.undone.clone_from(&record.undone);
    let mut known: Vec<(String, Permission)> = Vec::new();
    for ask in &record.asks {
        let login = ask.actor.login.as_str().to_owned();
        let permission = match known.iter().find(|(name, _)| *name == login) {
            Some((_, permission)) => *permission,
            None => services.forge.permission(&gathered.pull.repo, &ask.actor.login).await?,
        };
        known.push((login, permission));
        gathered.asks.push((ask.clone(), permission));
    }
    Ok(())
}

/// Every ask, and whether it is remembered after its answer: not, when its author may not ask it.
pub(super) fn heeds(gathered: &Gathered) -> Vec<(String, Heed)> {
    let heed = |(ask, permission): &(Ask, Permission)| {
        let may = *permission >= permission_for(ask.kind);
        (ask.key.clone(), if may { ask.kind.heed() } else { Heed::Passing })
    };
    gathered.asks.iter().map(heed).collect()
}

/// Whose commit a head is that the case does not know. A database that was put back from a backup may
/// have forgotten one of ours; else somebody has pushed.
pub(super) async fn own_head(
    services: &Services,
    gathered: &mut Gathered,
    case: &Case,
    known: &[AttemptRecord],
) -> Result<(), ServiceError> {
    let pull = &gathered.pull;
    let is_on_its_way = known.iter().any(|record| {
        record.attempt.state == AttemptState::Committing && record.committed.is_none()
    });
    let is_known = pull.head.sha == case.head || is_on_its_way;
    if is_known || pull.state != PullState::Open || case.state.is_final() {
        return Ok(());
    }
    let bot = services.forge.app().await?.bot;
    let commits = services.forge.pull_commits(&pull.repo, pull.number).await?;
    let is_another = |own: &OwnCommit| {
        let same = |record: &&AttemptRecord| record.attempt.number == own.number;
        known.iter().find(same).is_some_and(|record| record.attempt.id != own.attempt)
    };
    gathered.own_head = own_since(&commits, &case.head, bot).filter(|own| !is_another(own));
    Ok(())
}

/// What the case's state needs beyond that.
pub(super) async fn for_state(
    services: &Services,
    gathered: &mut Gathered,
    case: &Case,
    attempt: Option<&AttemptRecord>,
) -> Result<(), ServiceError> {
    match case.state {
        CaseState::Diagnosing
        | CaseState::Excused(
            Excuse::Policy | Excuse::BrokenPolicy | Excuse::BaseBroken | Excuse::BaseMended,
        ) => Box::pin(to_begin(services, gathered, case)).await,
        CaseState::Healing(_) | CaseState::AwaitingApproval(_) | CaseState::AwaitingAnswer(_) => {
            match attempt {
                Some(record) => at_work(services, gathered, record).await,
                None => Ok(()),
            }
        }
        CaseState::Escalated(Escalation::GateRefused) => why_not(services, gathered, case).await,
        CaseState::Watching
        | CaseState::Rerunning
        | CaseState::Excused(_)
        | CaseState::Proving(_)
        | CaseState::Healed(_)
        | CaseState::Escalated(_)
        | CaseState::Stopped(_)
        | CaseState::Superseded(_)
        | CaseState::Closed => Ok(()),
    }
}

/// The evidence, and what the gate says about beginning.
async fn to_begin(
    services: &Services,
    gathered: &mut Gathered,
    case: &Case,
) -> Result<(), ServiceError> {
    let Ci::Red(red) = gathered.ci.clone() else { return Ok(()) };
    if gathered.pull.head.sha != case.head || gathered.policy.problem.is_some() {
        return Ok(());
    }
    // Of a case that was opened in this look nothing can be known.
    let known = if gathered.opens_case {
        None
    } else {
        services.store.evidence(case.id, &case.head).await?
    };
    let (same, before) = match known {
        Some(known) if known.runs == red => (Some(known), None),
        other => (None, other),
    };
    let mut evidence = match same {
        Some(evidence) => evidence,
        None => {
            let purpose = super::reading::Purpose::Case { since: case.since };
            let of = (&gathered.pull, gathered.policy.policy.as_ref());
            match super::reading::read(services, of, &red, purpose).await? {
                super::reading::Read::Evidence(evidence) => {
                    gathered.evidence_is_new = true;
                    *evidence
                }
                super::reading::Read::NotYet(at) => {
                    gathered.again_at = Some(at);
                    return Ok(());
                }
            }
        }
    };
    if let Some(before) = before {
        gathered.tried = trials(&before, After::Red(&evidence));
    }
    let of = (&gathered.pull, gathered.policy.policy.as_ref());
    let judgement = super::causes::judged(services, of, &evidence, &evidence.judgement).await?;
    gathered.evidence_is_new |= judgement != evidence.judgement;
    evidence.judgement = judgement;
    gathered.autonomy = Some(super::autonomy::of(services, (&of.0.repo, of.1), &evidence).await?);
    gathered.before = Some(begin_verdict(services, gathered, case, &evidence, &red).await?);
    hold_of_auto_merge(services, gathered).await?;
    gathered.evidence = Some(evidence);
    Ok(())
}

/// What the gate says about beginning, for people who are told that it refuses.
async fn why_not(
    services: &Services,
    gathered: &mut Gathered,
    case: &Case,
) -> Result<(), ServiceError> {
    let Ci::Red(red) = gathered.ci.clone() else { return Ok(()) };
    if gathered.pull.head.sha != case.head || gathered.policy.problem.is_some() {
        return Ok(());
    }
    if let Some(evidence) = services.store.evidence(case.id, &case.head).await? {
        let verdict = begin_verdict(services, gathered, case, &evidence, &red).await?;
        gathered.before = Some(verdict);
    }
    Ok(())
}

async fn begin_verdict(
    services: &Services,
    gathered: &Gathered,
    case: &Case,
    evidence: &Evidence,
    red: &[CiRun],
) -> Result<Verdict, ServiceError> {
    let pull = &gathered.pull;
    let rules = if pull.is_from_fork() {
        crate::domain::pull::BranchRules::default()
    } else {
        services.forge.branch_rules(&pull.repo, &pull.head.branch).await?
    };
    let queue = queue_of(services, pull).await?;
    let usage = match gathered.usage {
        Some(usage) => usage,
        None => services.store.usage(pull.repo.id, services.clock.now()).await?,
    };
    let now = services.clock.now();
    let policy = &gathered.policy.policy;
    let models = services.models.spent_cap(policy, (Some(case.id), pull), now).await?;
    let failed: Vec<String> = red.iter().map(|run| run.name().to_owned()).collect();
    Ok(judge_before(&BeforeAttempt {
        pull,
        policy,
        evidence,
        rules: &rules,
        queue,
        failed: &failed,
        used: Used {
            attempts: case.attempts,
            attempts_today: usage.attempts_today,
            attempts_running: usage.attempts_running,
            models,
        },
        room: room(&usage, &services.limits),
        asked: mending::asked(case.asked, evidence),
        autonomy: gathered.autonomy.as_ref(),
    }))
}

/// Whether the server has room for one attempt more. Looks at the same moment may each see the last
/// place; the store gives it to one of them (`opening::ceiling`).
pub(super) fn room(usage: &Usage, limits: &Limits) -> Room {
    if usage.all_running >= limits.attempts {
        Room::ServerFull(limits.attempts)
    } else if usage.installation_running >= limits.installation_attempts {
        Room::InstallationFull(limits.installation_attempts)
    } else {
        Room::Free
    }
}

/// Whether it waits in the merge queue; asked only where its base has one.
pub(super) async fn queue_of(services: &Services, pull: &Pull) -> Result<Queue, ServiceError> {
    let rules = services.forge.branch_rules(&pull.repo, &pull.base).await?;
    if !rules.merge_queue {
        return Ok(Queue::Outside);
    }
    Ok(services.forge.queue(&pull.repo, pull.number).await?)
}

/// Auto-merge is held by our check run where that is required, else by switching it off.
async fn hold_of_auto_merge(
    services: &Services,
    gathered: &mut Gathered,
) -> Result<(), ServiceError> {
    if gathered.pull.auto_merge.is_none() {
        return Ok(());
    }
    let rules = services.forge.branch_rules(&gathered.pull.repo, &gathered.pull.base).await?;
    if rules.required_checks.iter().any(|name| name == super::CHECK_NAME) {
        gathered.hold = AutoMergeHold::ByCheck;
    }
    Ok(())
}

/// Whether the runner lives, or what the gate says about its patch.
async fn at_work(
    services: &Services,
    gathered: &mut Gathered,
    record: &AttemptRecord,
) -> Result<(), ServiceError> {
    hold_of_auto_merge(services, gathered).await?;
    match &record.report.outcome {
        None => {
            let heard = record.report.heard_at.unwrap_or(record.attempt.dispatched_at);
            let silence = services.clock.now().since_ms(heard);
            if let Some(run) = record.report.run.filter(|_| silence > SURELY_ALIVE_MS) {
                gathered.run_ended = services.compute.has_ended(&gathered.pull.repo, run).await?;
            }
            Ok(())
        }
        Some(Outcome::Proposed { patch, proof, .. })
            if matches!(record.attempt.state, AttemptState::Running | AttemptState::Held) =>
        {
            judging::patch(services, gathered, record, (patch, proof)).await?;
            Ok(())
        }
        Some(
            Outcome::Proposed { .. }
            | Outcome::GaveUp { .. }
            | Outcome::Waits { .. }
            | Outcome::Asks { .. }
            | Outcome::NotReproduced { .. },
        ) => Ok(()),
    }
}
