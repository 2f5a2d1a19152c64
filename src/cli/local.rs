//! Attempts that no server gave: the brief, the attempt with the runner's own code, the gate.
//!
//! For `selfheal heal` and `selfheal replay`. What a server would know and they do not (history, a
//! pull request, people to ask) is left out of the brief; nothing is decided otherwise for that.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::brief::{Brief, Instruction, PROTOCOL_VERSION, StageReport};
use crate::domain::failure::Failure;
use crate::domain::gate::Verdict;
use crate::domain::gate::patch::{PatchToJudge, judge};
use crate::domain::gate::reach::Failed;
use crate::domain::ids::{AttemptId, Branch, PrNumber, RepoId, RepoSlug};
use crate::domain::outcome::{GaveUp, Outcome};
use crate::domain::policy::Policy;
use crate::domain::proof::RUNS_USUAL;
use crate::domain::pull::BaseFile;
use crate::runner::attempt::{self, End, Setting};
use crate::runner::server::{Server, ServerError};
use crate::runner::workspace::Source;
use crate::weakening;

/// There is nobody to hear of; the interval only has to be some time.
pub(super) const HEARTBEAT: Duration = Duration::from_hours(24);

/// What is known of what failed.
pub(super) struct Known {
    /// The failures, root cause first.
    pub(super) failures: Vec<Failure>,
    /// The lines that matter.
    pub(super) excerpt: String,
    /// Commands that failed.
    pub(super) failing_commands: Vec<String>,
    /// Commands that were green before them.
    pub(super) green_commands: Vec<String>,
}

/// The brief of an attempt that no server gave.
pub(super) fn brief(source: &Source, policy: &Policy, known: Known) -> anyhow::Result<Brief> {
    Ok(Brief {
        protocol: PROTOCOL_VERSION,
        attempt: AttemptId::new(Uuid::from_bytes(rand::random())),
        number: 1,
        repo_id: RepoId::new(0),
        repo: RepoSlug::parse("local/working-tree")?,
        pull: PrNumber::new(0),
        head: source.head().clone(),
        base: Branch::parse("working-tree")?,
        base_sha: source.head().clone(),
        fork: None,
        excerpt: known.excerpt,
        failures: known.failures,
        failing_commands: known.failing_commands,
        green_commands: known.green_commands,
        verify: policy.verify.clone(),
        // There is no history of a working tree.
        proof_runs: RUNS_USUAL,
        remedies: Vec::new(),
        fixers: policy.fixers.clone(),
        protected: policy.protected.patterns(),
        changed_files: Vec::new(),
        earlier: Vec::new(),
        limits: policy.limits,
        network: policy.network,
        // Whoever runs this reads what an agent says, and can run it again.
        questions_max: 0,
        feedback: Vec::new(),
        resume: None,
    })
}

/// A patch as the gate saw it.
pub(super) struct Judged {
    /// The files that it names, as they are at the head.
    pub(super) base: Vec<BaseFile>,
    /// What the gate says.
    pub(super) verdict: Verdict,
}

/// Makes the attempt and asks the gate about its patch, if it brings one.
pub(super) async fn attempted(
    source: &Source,
    policy: &Policy,
    brief: &Brief,
    setting: Setting<'_>,
) -> anyhow::Result<(Outcome, Option<Judged>)> {
    let outcome = match attempt::run(&Nobody, brief, setting).await? {
        End::Reported(outcome) => outcome,
        End::Stopped => anyhow::bail!("the attempt was stopped"),
    };
    if let Outcome::GaveUp { why: GaveUp::NoSandbox | GaveUp::NoWorkspace, note, .. } = &outcome {
        anyhow::bail!("{note}");
    }
    let Outcome::Proposed { patch, proof, .. } = &outcome else { return Ok((outcome, None)) };
    let base = source.base_files(patch).await?;
    let content = weakening::findings(&weakening::changes(patch.changes(), &base));
    let (head, proof_runs) = (source.head(), brief.proof_runs);
    let verdict = judge(&PatchToJudge {
        patch,
        base: &base,
        proof,
        proof_runs,
        head,
        policy,
        content,
        autonomy: None,
        failed: Some(Failed {
            failures: &brief.failures,
            excerpt: &brief.excerpt,
            changed_files: &brief.changed_files,
        }),
    });
    Ok((outcome, Some(Judged { base, verdict })))
}

/// The server of an attempt that nobody else watches.
struct Nobody;

#[async_trait]
impl Server for Nobody {
    async fn brief(&self) -> Result<Brief, ServerError> {
        Err(ServerError::Over)
    }

    async fn heartbeat(&self) -> Result<Instruction, ServerError> {
        Ok(Instruction::Continue)
    }

    async fn stage(&self, _report: &StageReport) -> Result<Instruction, ServerError> {
        Ok(Instruction::Continue)
    }

    async fn outcome(&self, _outcome: &Outcome) -> Result<Instruction, ServerError> {
        Ok(Instruction::Stop)
    }
}
