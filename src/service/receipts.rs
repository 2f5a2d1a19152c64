//! Receipts: what an attempt was given, did, proved and cost, so that others can check it.
//!
//! A receipt says nothing that is not kept already: it is put together when somebody asks, from the
//! attempt, its documents, its inputs, the outcome, and the ledger, all of which are kept as long as the attempt; of
//! calls of models that is their sums. Texts of strangers (outputs, logs, what an
//! agent said) are in it by their digests only; the documents have them.

mod signing;

use serde::Serialize;
use serde_json::Value;

use super::{ServiceError, Services};
use crate::documents;
use crate::domain::attempt::AttemptState;
use crate::domain::document::{Document, DocumentName};
use crate::domain::gate::kept::KeptVerdict;
use crate::domain::ids::AttemptId;
use crate::domain::inputs::{Given, digest};
use crate::domain::outcome::{CommandRun, Ended, Outcome};
use crate::domain::proof::{CoverageChange, TestChange};
use crate::ports::inputs::{GivenAt, InputStore, PromptAt};
use crate::ports::ledger::{Ledger, Spent};
use crate::ports::store::{RunnerView, Store};

pub use signing::{CheckError, SignError, Signed, Signer, checked};

/// The version of a receipt's form; the second has `given` and `prompts`.
pub const RECEIPT_VERSION: u32 = 2;

/// The receipt of one attempt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Receipt {
    /// [`RECEIPT_VERSION`].
    pub version: u32,
    /// The attempt's id.
    pub attempt: String,
    /// Its number within its case, counted from 1.
    pub number: u8,
    /// The case's id.
    pub case: String,
    /// The repository as `owner/name`.
    pub repo: String,
    /// The pull request's number.
    pub pull: u64,
    /// The commit that was to be healed.
    pub head: String,
    /// The commit that was made, if one was.
    pub commit: Option<String>,
    /// When it was planned, in milliseconds since 1970.
    pub planned_at_ms: i64,
    /// How often a runner was started for it.
    pub dispatches: u8,
    /// Where it stands, and how it ended.
    pub state: String,
    /// What the gate, the forge or the runner said about that.
    pub note: Option<String>,
    /// What its runners were given; none of attempts of releases that did not write it down.
    pub given: Vec<GivenThen>,
    /// What its fixers were told, in that order; the texts are kept with the documents.
    pub prompts: Vec<Told>,
    /// Every fixer's turn, as the last `state` document has it: versions, models, digests of prompts.
    pub turns: Vec<Value>,
    /// What the gate said about its patch, once it was asked.
    pub verdict: Option<KeptVerdict>,
    /// What it came to, as far as its runner said.
    pub outcome: Option<Came>,
    /// Its documents.
    pub documents: Vec<Digested>,
    /// What its calls of models took.
    pub models: Vec<Model>,
}

/// What a runner was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GivenThen {
    /// When one was first given just that, in milliseconds since 1970.
    pub at_ms: i64,
    /// The base, the policy in force, the price list.
    #[serde(flatten)]
    pub given: Given,
}

/// What a fixer was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The round.
    pub round: u8,
    /// Who.
    pub fixer: String,
    /// The template and its version.
    pub template: Option<String>,
    /// The SHA-256 of the text.
    pub sha256: String,
    /// How long the text is.
    pub bytes: usize,
    /// When, in milliseconds since 1970.
    pub told_at_ms: i64,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Came {
    /// `proposed`, `gave_up`, `waits` or `not_reproduced`.
    pub outcome: &'static str,
    /// Why there is no patch.
    pub why: Option<&'static str>,
    /// Who made the patch.
    pub fixer: Option<String>,
    /// The SHA-256 of the patch that was proven.
    pub patch_digest: Option<String>,
    /// The commands at the head, without the patch.
    pub before: Vec<Ran>,
    /// The commands with the patch; or the last ones that were run. What had to be green several times
    /// is here as often.
    pub after: Vec<Ran>,
    /// Commands that were green in CI and show nothing here, being red without the patch as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<Ran>,
    /// Which tests ran before and after, by command and test runner; names of those alone that no longer
    /// run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestChange>,
    /// How the coverage of the touched files changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<CoverageChange>,
}

/// A command that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ran {
    /// The command.
    pub command: String,
    /// The exit code; none when it was ended otherwise.
    pub exit_code: Option<i32>,
    /// How long it ran, in milliseconds.
    pub duration_ms: u64,
    /// The SHA-256 of the end of its output.
    pub output_sha256: String,
}

/// A document, by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Digested {
    /// Its name.
    pub name: &'static str,
    /// The round that wrote it.
    pub round: u8,
    /// The SHA-256 of its text.
    pub sha256: String,
}

/// What the calls of one model took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// Whose it is.
    pub provider: &'static str,
    /// Its name.
    pub model: String,
    /// How many calls.
    pub calls: u64,
    /// Tokens read, those from a cache and to a cache left out.
    pub input: u64,
    /// Tokens from a cache.
    pub cache_read: u64,
    /// Tokens to a cache.
    pub cache_write: u64,
    /// Tokens written.
    pub output: u64,
    /// What was charged, in US dollars.
    pub usd: String,
}

/// Where a receipt is put together from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The attempt, its documents and its outcome.
    pub store: &'a dyn Store,
    /// What it was given and told.
    pub inputs: &'a dyn InputStore,
    /// What its calls of models took.
    pub ledger: &'a dyn Ledger,
}

impl std::fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

impl<'a> From<&'a Services> for Sources<'a> {
    fn from(services: &'a Services) -> Self {
        Self {
            store: services.store.as_ref(),
            inputs: services.inputs.as_ref(),
            ledger: services.models.ledger(),
        }
    }
}

/// The receipt of an attempt, if there is such an attempt.
///
/// # Errors
/// [`ServiceError`] when the store is not available.
pub async fn receipt(
    sources: Sources<'_>,
    attempt: AttemptId,
) -> Result<Option<Receipt>, ServiceError> {
    let Some(view) = sources.store.runner_view(attempt).await? else { return Ok(None) };
    let spent = sources.ledger.spent(attempt).await?;
    let mut receipt = of(&view, &spent);
    receipt.given = sources.inputs.given(attempt).await?.into_iter().map(given).collect();
    receipt.prompts = sources.inputs.prompts(attempt).await?.iter().map(told).collect();
    Ok(Some(receipt))
}

fn given(given: GivenAt) -> GivenThen {
    GivenThen { at_ms: given.at.millis(), given: given.given }
}

fn told(told: &PromptAt) -> Told {
    Told {
        round: told.prompt.round,
        fixer: told.prompt.fixer.clone(),
        template: told.prompt.template(),
        sha256: told.sha256.clone(),
        bytes: told.prompt.text.len(),
        told_at_ms: told.at.millis(),
    }
}

fn of(view: &RunnerView, spent: &[Spent]) -> Receipt {
    let attempt = &view.record.attempt;
    let commit = match &attempt.state {
        AttemptState::Committed(sha) => Some(sha.to_string()),
        AttemptState::Ended(end) => end.commit().map(ToString::to_string),
        AttemptState::Running | AttemptState::Held | AttemptState::Committing => None,
    };
    let state = match &attempt.state {
        AttemptState::Ended(end) => end.as_str(),
        state => state.as_str(),
    };
    Receipt {
        version: RECEIPT_VERSION,
        attempt: attempt.id.to_string(),
        number: attempt.number,
        case: attempt.case.to_string(),
        repo: view.case.repo.slug.to_string(),
        pull: view.case.number.get(),
        head: attempt.head.to_string(),
        commit,
        planned_at_ms: attempt.planned_at.millis(),
        dispatches: attempt.dispatches,
        state: state.to_owned(),
        note: attempt.note.clone(),
        given: Vec::new(),
        prompts: Vec::new(),
        turns: turns(&view.documents),
        verdict: attempt.verdict.clone(),
        outcome: view.record.report.outcome.as_ref().map(came),
        documents: view.documents.iter().map(digested).collect(),
        models: spent.iter().map(model).collect(),
    }
}

/// The turns in the last `state` document; a document that cannot be read has none.
fn turns(documents: &[Document]) -> Vec<Value> {
    let last = documents.iter().rev().find(|document| document.name == DocumentName::State);
    let front = last.and_then(|document| documents::values(document).ok());
    let turns = front.as_ref().and_then(|front| front.get("turns")?.as_array());
    turns.cloned().unwrap_or_default()
}

fn came(outcome: &Outcome) -> Came {
    let nothing = Came {
        outcome: "not_reproduced",
        why: None,
        fixer: None,
        patch_digest: None,
        before: Vec::new(),
        after: Vec::new(),
        set_aside: Vec::new(),
        tests: Vec::new(),
        coverage: Vec::new(),
    };
    match outcome {
        Outcome::Proposed { patch, proof, fixer, .. } => Came {
            outcome: "proposed",
            fixer: Some(fixer.clone()),
            patch_digest: Some(patch.digest()),
            before: proof.before.iter().map(ran).collect(),
            after: proof.after.iter().map(ran).collect(),
            set_aside: proof.set_aside.iter().map(ran).collect(),
            tests: proof.tests.clone(),
            coverage: proof.coverage.clone(),
            ..nothing
        },
        Outcome::GaveUp { why, runs, .. } => Came {
            outcome: "gave_up",
            why: Some(why.as_str()),
            after: runs.iter().map(ran).collect(),
            ..nothing
        },
        Outcome::Waits { .. } => Came { outcome: "waits", ..nothing },
        Outcome::Asks { .. } => Came { outcome: "asks", ..nothing },
        Outcome::NotReproduced { runs } => {
            Came { before: runs.iter().map(ran).collect(), ..nothing }
        }
    }
}

fn ran(run: &CommandRun) -> Ran {
    let exit_code = match run.ended {
        Ended::Exit(code) => Some(code),
        Ended::Signal(_) | Ended::TimedOut | Ended::OverLimit | Ended::NotFound => None,
    };
    Ran {
        command: run.command.clone(),
        exit_code,
        duration_ms: run.duration_ms,
        output_sha256: digest(&run.output_tail),
    }
}

fn digested(document: &Document) -> Digested {
    let sha256 = digest(&document.body);
    Digested { name: document.name.as_str(), round: document.round, sha256 }
}

fn model(spent: &Spent) -> Model {
    let tokens = &spent.tokens;
    Model {
        provider: spent.provider.as_str(),
        model: spent.model.to_string(),
        calls: spent.calls,
        input: tokens.input,
        cache_read: tokens.cache_read,
        cache_write: tokens.cache_write.saturating_add(tokens.cache_write_1h),
        output: tokens.output,
        usd: spent.charged.usd.to_string(),
    }
}
