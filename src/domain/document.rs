//! Documents: what the stages of an attempt read and write, as Markdown with YAML front matter.
//!
//! Together they are the attempt's whole state, so that any machine can resume it: each stage's
//! documents reach the server, with the work in progress, before the next stage begins. Their
//! front matter is validated where they are written and where they are read (`documents`);
//! here they are only named and bounded.

use serde::{Deserialize, Serialize};

/// A step of an attempt, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Decide which fixers fit.
    Triage,
    /// Let a fixer work.
    Execute,
    /// Decide how the fix is proven.
    PreVerify,
    /// Prove it: red before, green after, in a fresh checkout.
    Verify,
    /// After three red rounds: find what all of them took for granted and is not so.
    DevilsAdvocate,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 5] =
        [Self::Triage, Self::Execute, Self::PreVerify, Self::Verify, Self::DevilsAdvocate];

    /// The name in documents, tables and URLs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Triage => "triage",
            Self::Execute => "execute",
            Self::PreVerify => "pre-verify",
            Self::Verify => "verify",
            Self::DevilsAdvocate => "devils-advocate",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text)
    }

    /// The documents that it writes.
    pub const fn writes(self) -> &'static [DocumentName] {
        match self {
            Self::Triage => &[DocumentName::TaskInput, DocumentName::TriagePlan],
            Self::Execute => &[DocumentName::State],
            Self::PreVerify => &[DocumentName::ValidationStrategy],
            Self::Verify => &[DocumentName::VerificationResults],
            Self::DevilsAdvocate => &[DocumentName::AssumptionAnalysis],
        }
    }
}

/// Which document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentName {
    /// What the attempt is about: the failures and the excerpt.
    TaskInput,
    /// Which fixers fit, cheapest first.
    TriagePlan,
    /// What was done so far, and what came of it.
    State,
    /// Which commands prove the fix, and why these.
    ValidationStrategy,
    /// What the proof showed.
    VerificationResults,
    /// Which assumption does not hold, and what to do instead.
    AssumptionAnalysis,
}

impl DocumentName {
    /// Every document.
    pub const ALL: [Self; 6] = [
        Self::TaskInput,
        Self::TriagePlan,
        Self::State,
        Self::ValidationStrategy,
        Self::VerificationResults,
        Self::AssumptionAnalysis,
    ];

    /// The name in front matter, tables, schemas and URLs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskInput => "task-input",
            Self::TriagePlan => "triage-plan",
            Self::State => "state",
            Self::ValidationStrategy => "validation-strategy",
            Self::VerificationResults => "verification-results",
            Self::AssumptionAnalysis => "assumption-analysis",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

/// One document as it travels and is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Which document it is.
    pub name: DocumentName,
    /// The round of execute and verify that wrote it, counted from 1.
    pub round: u8,
    /// Front matter and text; at most [`DOCUMENT_BYTES_MAX`] bytes.
    pub body: String,
}

/// What stands before and after the front matter.
pub const FENCE: &str = "---\n";

impl Document {
    /// Its front matter as YAML, if it has one.
    pub fn front_matter(&self) -> Option<&str> {
        let rest = self.body.strip_prefix(FENCE)?;
        // The line feed before the fence is part of the last value.
        rest.get(..=rest.find("\n---\n")?)
    }

    /// Its text, for people: what stands below the front matter.
    pub fn text(&self) -> &str {
        let front = self.front_matter().map_or(0, |yaml| yaml.len() + 2 * FENCE.len());
        self.body.get(front..).unwrap_or_default()
    }
}

/// Rounds of execute and verify in one attempt; past that a new attempt with fresh eyes is better.
pub const ROUNDS_MAX: u8 = 3;

/// The round that follows a second look; there is none after it.
pub const LAST_ROUND: u8 = ROUNDS_MAX + 1;

/// A document is for reading: a quarter of a megabyte holds any excerpt within its own budget.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
