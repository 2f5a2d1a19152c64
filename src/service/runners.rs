//! Runners: who is let in, what they are given, what they report.
//!
//! A runner is not trusted. It is let in for one attempt, by an identity that can be used once and
//! that must prove the very run that was started; what it reports is recorded and decides nothing.
//! Reports of an attempt that is over are answered with "stop".

mod earlier;
mod inputs;

use sha2::{Digest, Sha256};
use thiserror::Error;

pub use self::inputs::prompt;
use super::repeats::proof_runs;
use super::{OWN_WORKFLOW, ServiceError, Services};
use crate::documents;
use crate::domain::attempt::{Attempt, AttemptState};
use crate::domain::brief::{
    Admission, Brief, Identity, Instruction, PROTOCOL_VERSION, Resume, StageReport,
};
use crate::domain::chain::Chain;
use crate::domain::checkpoint::Checkpoint;
use crate::domain::feedback::{self, ASKS_MAX, times_answered};
use crate::domain::ids::{AttemptId, RunId, Sha, Timestamp};
use crate::domain::outcome::Outcome;
use crate::domain::policy::Policy;
use crate::domain::pull::Pull;
use crate::ports::checkpoints::{NewCheckpoint, Taken};
use crate::ports::identity::{IdentityError, RunnerClaims};
use crate::ports::store::{Admitted, Inserted, RunnerAdmission, RunnerView, Seat, StoreError};

/// A token outlives the longest attempt that a policy can ask for, and no more.
const TOKEN_MS: i64 = 6 * 60 * 60 * 1000;

/// How often a runner shall be heard of; far below the silence after which it is lost.
const HEARTBEAT_SECS: u64 = 30;

/// Why a runner is not served.
#[derive(Debug, Error)]
pub enum RunnerError {
    /// There is no such attempt, or it is not this runner's.
    #[error("there is no such attempt")]
    Unknown,
    /// Its identity does not prove that it is the runner of this attempt.
    #[error("this identity is not the attempt's: {0}")]
    NotYou(String),
    /// The attempt is over.
    #[error("the attempt is over")]
    Over,
    /// What it sent breaks a limit or a rule.
    #[error("{0}")]
    Bad(String),
    /// Something that passes.
    #[error("this cannot be answered now")]
    Later(#[source] ServiceError),
}

impl From<StoreError> for RunnerError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing(_) => Self::Unknown,
            StoreError::LeaseLost(_) => Self::NotYou("another runner was let in".to_owned()),
            error => Self::Later(error.into()),
        }
    }
}

/// Lets a runner in and gives it the token for its attempt alone.
///
/// # Errors
/// [`RunnerError::NotYou`] when the identity does not prove the started run.
#[tracing::instrument(
    name = "runner",
    skip_all,
    fields(attempt.id = %attempt),
    err(level = "warn")
)]
pub async fn admit(
    services: &Services,
    attempt: AttemptId,
    identity: &Identity,
) -> Result<Admission, RunnerError> {
    let view = services.store.runner_view(attempt).await?.ok_or(RunnerError::Unknown)?;
    if is_over(&view) {
        return Err(RunnerError::Over);
    }
    let token = match identity {
        Identity::Oidc { token } => token,
        Identity::Code { .. } => {
            let why = "this server starts its runners in GitHub Actions, which have a token";
            return Err(RunnerError::NotYou(why.to_owned()));
        }
    };
    let claims = services.identity.verify(token).await.map_err(|error| match error {
        IdentityError::Invalid(why) => RunnerError::NotYou(why),
        IdentityError::Unavailable(why) => RunnerError::Later(ServiceError::Forge(
            crate::ports::forge::ForgeError::Unavailable(why),
        )),
    })?;
    proves(services, &claims, &view).await?;
    let now = services.clock.now();
    let secret = hex::encode(services.ids.secret());
    let admission = RunnerAdmission {
        attempt,
        token_hash: digest(&secret),
        token_until: now.plus_ms(TOKEN_MS),
        identity: claims.token_id,
        run: Some(claims.run),
        now,
    };
    match services.store.admit_runner(admission).await? {
        Admitted::Yes => {
            tracing::info!(case.id = %view.case.id, run = claims.run.get(), "a runner is let in");
            Ok(Admission { token: secret, heartbeat_secs: HEARTBEAT_SECS })
        }
        Admitted::IdentityUsed => Err(RunnerError::NotYou("the token was used before".into())),
        Admitted::AttemptOver => Err(RunnerError::Over),
    }
}

/// Whether the claims are those of the run that was started for the attempt.
async fn proves(
    services: &Services,
    claims: &RunnerClaims,
    view: &RunnerView,
) -> Result<(), RunnerError> {
    let not = |why: &str| Err(RunnerError::NotYou(why.to_owned()));
    let repo = &view.case.repo;
    if claims.repo != repo.id {
        return not("it is of another repository");
    }
    if claims.event != "workflow_dispatch" {
        return not("its run was not dispatched");
    }
    if let Some(started) = started_run(view).filter(|run| *run != claims.run) {
        return Err(RunnerError::NotYou(format!("run {started} was started for this attempt")));
    }
    let default = services
        .forge
        .default_branch(repo)
        .await
        .map_err(|error| RunnerError::Later(ServiceError::Forge(error)))?;
    let branch = format!("refs/heads/{default}");
    let wanted = format!("/{OWN_WORKFLOW}@{branch}");
    let path_and_ref = claims.workflow.splitn(3, '/').nth(2).map(|rest| format!("/{rest}"));
    if path_and_ref.as_deref() != Some(wanted.as_str()) || claims.git_ref != branch {
        return not("its workflow is not the default branch's selfheal workflow");
    }
    Ok(())
}

fn started_run(view: &RunnerView) -> Option<RunId> {
    view.record.report.run
}

/// The attempt that a bearer token is for.
///
/// # Errors
/// [`RunnerError::NotYou`] for a wrong or ended token.
pub async fn with_token(
    services: &Services,
    attempt: AttemptId,
    token: &str,
) -> Result<RunnerView, RunnerError> {
    let view = services.store.runner_view(attempt).await?.ok_or(RunnerError::Unknown)?;
    let now = services.clock.now();
    if is_valid(token, view.token.as_ref(), now) {
        Ok(view)
    } else {
        Err(RunnerError::NotYou("the token is not valid".to_owned()))
    }
}

/// Whether a token is the one that is kept as a digest, and has not ended.
pub(super) fn is_valid(token: &str, kept: Option<&(String, Timestamp)>, now: Timestamp) -> bool {
    // Digests of random tokens are compared, so the comparison's time tells nothing of the token.
    kept.is_some_and(|(hash, until)| *hash == digest(token) && *until > now)
}

/// The attempt as the runner has it whose token was looked at.
fn seat(view: &RunnerView) -> Result<Seat, RunnerError> {
    let (token_hash, _) = view.token.clone().ok_or(RunnerError::Unknown)?;
    Ok(Seat { attempt: view.record.attempt.id, token_hash })
}

/// How a token is kept: SHA-256, in hexadecimal.
fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

fn is_over(view: &RunnerView) -> bool {
    view.record.attempt.state != AttemptState::Running
        || view.case.state.attempt() != Some(view.record.attempt.id)
}

/// Everything that the runner is given.
///
/// # Errors
/// [`RunnerError::Over`] when the attempt is over or the head moved.
#[tracing::instrument(
    name = "runner",
    skip_all,
    fields(case.id = %view.case.id, attempt.id = %view.record.attempt.id),
    err(level = "warn")
)]
pub async fn brief(services: &Services, view: &RunnerView) -> Result<Brief, RunnerError> {
    if is_over(view) {
        return Err(RunnerError::Over);
    }
    let later = |error| RunnerError::Later(ServiceError::Forge(error));
    let (repo, number) = (&view.case.repo, view.case.number);
    let pull = services.forge.pull(repo, number).await.map_err(later)?;
    if pull.head.sha != view.record.attempt.head {
        return Err(RunnerError::Over);
    }
    let read =
        services.policies.at(services.forge.as_ref(), repo, &pull.base_sha).await.map_err(later)?;
    let checkpoint = services.checkpoints.checkpoint(view.record.attempt.id).await?;
    let mut brief = brief_of(view, &pull, &read.policy);
    brief.fork = fork(services, &pull).await;
    brief.earlier = earlier::attempts(services, view).await?;
    brief.remedies = super::remedies::offered(services, view, &read.policy).await?;
    brief.resume = resume(view, checkpoint);
    inputs::keep_given(services, &brief, &read).await?;
    Ok(brief)
}

fn brief_of(view: &RunnerView, pull: &Pull, policy: &Policy) -> Brief {
    let attempt = &view.record.attempt;
    let evidence = view.evidence.as_ref();
    Brief {
        protocol: PROTOCOL_VERSION,
        attempt: attempt.id,
        number: attempt.number,
        repo_id: pull.repo.id,
        repo: pull.repo.slug.clone(),
        pull: pull.number,
        head: attempt.head.clone(),
        base: pull.base.clone(),
        base_sha: pull.base_sha.clone(),
        fork: None,
        failures: evidence.map(|read| read.failures.clone()).unwrap_or_default(),
        excerpt: evidence.map(|read| read.excerpt.clone()).unwrap_or_default(),
        failing_commands: evidence.map(|read| read.commands.clone()).unwrap_or_default(),
        green_commands: evidence.map(|read| read.green_commands.clone()).unwrap_or_default(),
        verify: policy.verify.clone(),
        proof_runs: proof_runs(evidence),
        remedies: Vec::new(),
        fixers: policy.fixers.clone(),
        protected: policy.protected.patterns(),
        changed_files: evidence.map(|read| read.changed_files.clone()).unwrap_or_default(),
        earlier: Vec::new(),
        limits: policy.limits,
        network: policy.network,
        questions_max: questions_max(attempt, policy),
        feedback: attempt.feedback.clone(),
        resume: None,
    }
}

/// How many questions its fixers may ask: none any more once people were asked often enough.
fn questions_max(attempt: &Attempt, policy: &Policy) -> u8 {
    if times_answered(&attempt.feedback) < ASKS_MAX { policy.questions.max } else { 0 }
}

/// Where a pull request began; without it agents see its change against the base branch's newest.
async fn fork(services: &Services, pull: &Pull) -> Option<Sha> {
    match services.forge.merge_base(&pull.repo, &pull.base_sha, &pull.head.sha).await {
        Ok(fork) => fork,
        Err(error) => {
            tracing::info!(error = %Chain(&error), "where it began is not known");
            None
        }
    }
}

fn resume(view: &RunnerView, checkpoint: Option<Checkpoint>) -> Option<Resume> {
    let (stage, round) = view.record.report.stage?;
    Some(Resume {
        stage,
        round,
        documents: view.documents.clone(),
        work_in_progress: view.work_in_progress.clone().unwrap_or_default(),
        checkpoint,
    })
}

/// Records that the runner lives.
///
/// # Errors
/// [`RunnerError::Later`] when the store is not available.
#[tracing::instrument(
    name = "runner",
    skip_all,
    fields(case.id = %view.case.id, attempt.id = %view.record.attempt.id),
    err(level = "warn")
)]
pub async fn heartbeat(services: &Services, view: &RunnerView) -> Result<Instruction, RunnerError> {
    let now = services.clock.now();
    services.store.record_heartbeat(&seat(view)?, now).await?;
    Ok(if is_over(view) { Instruction::Stop } else { Instruction::Continue })
}

/// Records a finished stage.
///
/// # Errors
/// [`RunnerError::Bad`] when a document is not of its schema, stage, round or attempt.
#[tracing::instrument(
    name = "runner",
    skip_all,
    fields(case.id = %view.case.id, attempt.id = %view.record.attempt.id),
    err(level = "warn")
)]
pub async fn stage(
    services: &Services,
    view: &RunnerView,
    report: &StageReport,
) -> Result<Instruction, RunnerError> {
    if is_over(view) {
        return Ok(Instruction::Stop);
    }
    let attempt = view.record.attempt.id;
    documents::taken(report, attempt).map_err(|error| RunnerError::Bad(error.to_string()))?;
    services.store.record_stage(&seat(view)?, report, services.clock.now()).await?;
    tracing::info!(stage = report.stage.as_str(), round = report.round, "a stage is done");
    Ok(Instruction::Continue)
}

/// Keeps how far a fixer is in the middle of its turn.
///
/// # Errors
/// [`RunnerError::Bad`] when it breaks a limit.
#[tracing::instrument(
    name = "runner",
    skip_all,
    fields(case.id = %view.case.id, attempt.id = %view.record.attempt.id),
    err(level = "warn")
)]
pub async fn checkpoint(
    services: &Services,
    view: &RunnerView,
    checkpoint: Checkpoint,
) -> Result<Instruction, RunnerError> {
    if is_over(view) {
        return Ok(Instruction::Stop);
    }
    if let Some(fault) = checkpoint.fault() {
        return Err(RunnerError::Bad(fault.to_owned()));
    }
    let attempt = view.record.attempt.id;
    documents::checked(&checkpoint.state, attempt, checkpoint.round)
        .map_err(|error| RunnerError::Bad(error.to_string()))?;
    let new = NewCheckpoint { seat: seat(view)?, checkpoint, now: services.clock.now() };
    match services.checkpoints.keep_checkpoint(new).await? {
        Taken::Yes => {}
        // Its stage was reported meanwhile, or another runner was let in, who is told by its token.
        Taken::TooLate => tracing::info!("a checkpoint came too late"),
    }
    Ok(Instruction::Continue)
}

/// Records what the runner reports at the end; the case goes on from there.
///
/// # Errors
/// [`RunnerError::Later`] when the store is not available.
#[tracing::instrument(
    name = "runner",
    skip_all,
    fields(case.id = %view.case.id, attempt.id = %view.record.attempt.id),
    err(level = "warn")
)]
pub async fn outcome(
    services: &Services,
    view: &RunnerView,
    outcome: &Outcome,
) -> Result<Instruction, RunnerError> {
    if is_over(view) {
        return Ok(Instruction::Stop);
    }
    let now = services.clock.now();
    if view.record.is_waiting() {
        // The same report again: no runner was started since.
        return Ok(Instruction::Stop);
    }
    if let Outcome::Asks { questions, .. } = outcome {
        feedback::checked(questions).map_err(RunnerError::Bad)?;
    }
    let outcome = outcome.clone().after(view.record.report.outcome.as_ref(), now);
    let recorded = services.store.record_outcome(&seat(view)?, &outcome, now).await?;
    if recorded == Inserted::New {
        tracing::info!("the attempt's outcome is known");
        services.wake.notify_one();
    }
    Ok(Instruction::Stop)
}
