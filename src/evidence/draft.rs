//! A failure in the making: what one rule read, before judgement.
//!
//! The invariant: a draft knows where it was read and how much it says, so that judgement can weigh
//! it against the others without knowing the tool.

use crate::domain::failure::{Failure, FailureKind};

/// How much a recognised line says about why the run failed, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// A tool's own statement of a fault.
    Cause,
    /// A fault in words that programs also print when they go on: kept where no cause is known.
    Sign,
    /// A line that looks like a fault: kept where nothing better is known.
    Guess,
    /// What follows from another fault: kept where nothing else is known at all.
    Consequence,
    /// A verdict on other jobs: kept where no job says more.
    Elsewhere,
}

/// What one rule read.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// The failure; its file and source are filled in by judgement.
    pub(super) failure: Failure,
    /// The path as printed.
    pub(super) path: Option<String>,
    /// How much it says.
    pub(super) weight: Weight,
    /// The step that it was read in, as an index into the windows; the pass fills it in.
    pub(super) window: usize,
    /// Index of its first line.
    pub(super) first: usize,
    /// Index of its last line.
    pub(super) last: usize,
}

impl Draft {
    /// An empty draft of a tool; the scan fills in where it stands.
    pub(super) fn new(kind: FailureKind, tool: &'static str, weight: Weight) -> Self {
        let mut failure = Failure::new(kind, "");
        failure.tool = Some(tool.to_owned());
        Self { failure, path: None, weight, window: 0, first: 0, last: 0 }
    }

    /// Sets the place.
    pub(super) fn place(&mut self, path: &str, line: Option<u32>, column: Option<u32>) {
        self.path = Some(path.to_owned());
        self.failure.line = line;
        self.failure.column = column;
    }

    /// Appends a line to the message.
    pub(super) fn say(&mut self, more: &str) {
        let more = more.trim_end();
        if more.trim().is_empty() {
            return;
        }
        if !self.failure.message.is_empty() {
            self.failure.message.push('\n');
        }
        self.failure.message.push_str(more);
    }
}
