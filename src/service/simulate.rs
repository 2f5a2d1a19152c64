//! Simulation: what would be decided for a pull request now, without doing anything.
//!
//! The same gathering, the same gate and the same decision as a look, with nothing written.

use super::remedies::{Promise, promised};
use super::{OWN_WORKFLOW, ServiceError, Services};
use crate::domain::case::Asked;
use crate::domain::cause::Standing;
use crate::domain::evidence::Evidence;
use crate::domain::gate::Verdict;
use crate::domain::gate::before::{BeforeAttempt, Used, judge};
use crate::domain::ids::PrNumber;
use crate::domain::message::attempts_shown;
use crate::domain::policy::{BasePolicy, Remedies};
use crate::domain::pull::{BranchRules, Ci, Pull, Repo};

/// What would be decided.
#[derive(Debug)]
pub struct Simulation {
    /// The pull request as it is now.
    pub pull: Pull,
    /// How its CI stands.
    pub ci: Ci,
    /// What is wrong with the policy file.
    pub policy_problem: Option<String>,
    /// What was read; `None` when CI is not red or a log is not there yet.
    pub evidence: Option<Evidence>,
    /// What the gate says about beginning an attempt.
    pub verdict: Option<Verdict>,
    /// What the failures are judged to mean, once they were read.
    pub standing: Option<Standing>,
    /// What the policy says of a broken base branch.
    pub base: BasePolicy,
    /// Remedies that an attempt would be given; empty while nothing was read.
    pub remedies: Vec<Promise>,
    /// Whether the policy lets remedies be tried at all.
    pub allows_remedies: bool,
}

/// What would be decided for a pull request now.
///
/// # Errors
/// [`ServiceError`] when the forge could not be asked.
pub async fn pull_request(
    services: &Services,
    repo: &Repo,
    number: PrNumber,
) -> Result<Simulation, ServiceError> {
    let forge = &services.forge;
    let pull = forge.pull(repo, number).await?;
    let ci = forge.ci(repo, &pull.head.sha, OWN_WORKFLOW).await?;
    let policy = services.policies.at(forge.as_ref(), repo, &pull.base_sha).await?;
    let mut simulation = Simulation {
        ci,
        policy_problem: policy.problem,
        evidence: None,
        verdict: None,
        standing: None,
        base: policy.policy.base,
        remedies: Vec::new(),
        allows_remedies: policy.policy.remedies != Remedies::None,
        pull,
    };
    let Ci::Red(red) = &simulation.ci else { return Ok(simulation) };
    let now = services.clock.now();
    let pull = &simulation.pull;
    let purpose = super::reading::Purpose::Simulation;
    let of = (pull, policy.policy.as_ref());
    let read = super::reading::read(services, of, red, purpose).await?;
    let super::reading::Read::Evidence(mut evidence) = read else { return Ok(simulation) };
    let earlier = evidence.judgement.clone();
    evidence.judgement = super::causes::judged(services, of, &evidence, &earlier).await?;
    let rules = if pull.is_from_fork() {
        BranchRules::default()
    } else {
        forge.branch_rules(repo, &pull.head.branch).await?
    };
    let queue = super::gather::queue_of(services, pull).await?;
    let bot = forge.app().await?.bot;
    let commits = forge.pull_commits(repo, number).await?;
    let usage = services.store.usage(repo.id, now).await?;
    let autonomy = super::autonomy::of(services, (repo, of.1), &evidence).await?;
    let failed: Vec<String> = red.iter().map(|run| run.name().to_owned()).collect();
    simulation.verdict = Some(judge(&BeforeAttempt {
        pull,
        policy: &policy.policy,
        evidence: &evidence,
        rules: &rules,
        queue,
        failed: &failed,
        used: Used {
            attempts: attempts_shown(&commits, bot),
            attempts_today: usage.attempts_today,
            attempts_running: usage.attempts_running,
            models: services.models.spent_cap(&policy.policy, (None, pull), now).await?,
        },
        room: super::gather::room(&usage, &services.limits),
        asked: super::mending::asked(Asked::No, &evidence),
        autonomy: Some(&autonomy),
    }));
    simulation.standing =
        Some(evidence.judgement.standing(&evidence.failures, &policy.policy.kinds));
    simulation.remedies = promised(services, of, &evidence.failures).await?;
    simulation.evidence = Some(*evidence);
    Ok(simulation)
}
