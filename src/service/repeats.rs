//! Repeats: how often a failing command has to be green in a proof.
//!
//! The one place that says so. A brief asks a runner for it, and the gate holds a proof against it, so
//! that both speak of the same number; the runner runs less where its time ends, and the gate then asks
//! a person.

use crate::domain::evidence::Evidence;
use crate::domain::proof::{RUNS_MAX, RUNS_USUAL};

/// How often what these failures made red has to be green: once, but for failures that have come and
/// gone before. At most [`RUNS_MAX`] are run.
pub(super) fn proof_runs(evidence: Option<&Evidence>) -> u8 {
    let judged = evidence.and_then(|evidence| evidence.judgement.runs);
    judged.unwrap_or(RUNS_USUAL).clamp(RUNS_USUAL, RUNS_MAX)
}
