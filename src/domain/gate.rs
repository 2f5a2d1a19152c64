//! The gate: pure rules that decide, before an attempt and on its patch.
//!
//! All rules run, always; the verdict lists each finding with its reason, and the strongest decides.
//! No text of a log, a diff or a fixer can open it: rules look at facts, paths, modes and digests.

pub mod before;
pub mod behaviour;
pub mod content;
pub mod kept;
pub mod patch;
pub mod reach;

use serde::{Deserialize, Serialize};

use super::ids::RepoPath;

/// How much weight a finding has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Worth knowing.
    Note,
    /// A person decides.
    Hold,
    /// It may not be.
    Refuse,
}

impl Weight {
    /// The name in JSON, tables and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }

    /// The weight of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Note, Self::Hold, Self::Refuse].into_iter().find(|weight| weight.as_str() == name)
    }
}

/// What a rule has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// How much weight it has.
    pub weight: Weight,
    /// The file it is about.
    pub file: Option<RepoPath>,
    /// The line in that file, counted from 1.
    pub line: Option<u32>,
    /// Why, for people: what is so and what follows.
    pub message: String,
}

impl Finding {
    /// A finding about no file in particular.
    pub fn new(rule: &'static str, weight: Weight, message: impl Into<String>) -> Self {
        Self { rule, weight, file: None, line: None, message: message.into() }
    }

    /// `file:line`, where the line is known.
    pub fn place(&self) -> Option<String> {
        let (file, line) = (self.file.as_ref()?, self.line?);
        Some(format!("{file}:{line}"))
    }

    /// The same finding, about a file.
    #[must_use]
    pub fn at(mut self, file: &RepoPath) -> Self {
        self.file = Some(file.clone());
        self
    }
}

/// What the gate says: every finding, the weightiest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    findings: Vec<Finding>,
}

/// The three answers of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It may be.
    Allow,
    /// A person decides.
    Hold,
    /// It may not be.
    Refuse,
}

impl Answer {
    /// The name in JSON, tables and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }
}

impl Verdict {
    /// The verdict made of all findings.
    pub fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
        Self { findings }
    }

    /// The answer: the weightiest finding decides; no finding allows.
    pub fn answer(&self) -> Answer {
        match self.findings.first().map(|finding| finding.weight) {
            Some(Weight::Refuse) => Answer::Refuse,
            Some(Weight::Hold) => Answer::Hold,
            Some(Weight::Note) | None => Answer::Allow,
        }
    }

    /// Every finding, the weightiest first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Every finding in words, a line each, for reports that outlive the verdict.
    pub fn words(&self) -> String {
        let line = |f: &Finding| {
            let place = f.place().map_or_else(String::new, |place| format!(" ({place})"));
            format!("{} {}: {}{place}", f.weight.as_str(), f.rule, f.message)
        };
        self.findings.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Whether a rule has something to say with that weight or more.
    pub fn names(&self, rule: &str, weight: Weight) -> bool {
        self.findings.iter().any(|finding| finding.rule == rule && finding.weight >= weight)
    }
}

/// A rule as people read of it in the documentation.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its id, in reports and JSON.
    pub id: &'static str,
    /// What it looks at and what it says, one sentence.
    pub about: &'static str,
}
