//! Repeats: how often a failing command has to be green in a proof.
//!
//! The one place that says so. A brief asks a runner for it, and the gate holds a proof against it, so
//! that both speak of the same number; the runner runs less where its time ends, and the gate then asks
//! a person.

use crate::domain::evidence::Evidence;
use crate::domain::proof::RUNS_USUAL;

/// How often what these failures made red has to be green: once, because there is no history yet that
/// could speak against it. At most [`RUNS_MAX`](crate::domain::proof::RUNS_MAX) are run.
pub(super) const fn proof_runs(_evidence: Option<&Evidence>) -> u8 {
    RUNS_USUAL
}
