//! Verdicts: what a proof says of the turns that it judged, for those who come after them.
//!
//! A round's turns are written down before its proof is made, so a verdict is put to them afterwards:
//! when the proof is there, and again on a machine that goes on from documents.

use super::Progress;
use crate::documents::{VerificationResults, runs, short, tail};
use crate::runner::stages::ended;

/// How much of one verdict is kept.
const VERDICT_BYTES_MAX: usize = 2 * 1024;

/// How much of the end of one red command's output it quotes.
const OUTPUT_BYTES_MAX: usize = 600;

impl Progress {
    /// Puts what the last proof showed to the turns of its round that changed something.
    pub fn judge_turns(&mut self) {
        let Some(results) = &self.results else { return };
        let (round, verdict) = (results.about.round, verdict(results));
        let changed = self.turns.iter_mut().filter(|turn| turn.round == round);
        for turn in changed.filter(|turn| !turn.changed.is_empty()) {
            turn.verdict.clone_from(&verdict);
        }
    }
}

fn verdict(results: &VerificationResults) -> String {
    let mut verdict = String::from(match (results.proven, results.improved) {
        (true, _) => "proven",
        (false, true) => "kept, because something is better with it; red with it:",
        (false, false) => "dropped, because nothing is better with it; red with it:",
    });
    for run in runs(&results.runs).iter().filter(|run| !run.ended.is_green()) {
        let output = tail(run.output_tail.trim_end(), OUTPUT_BYTES_MAX);
        verdict.push_str(&format!("\n$ {}\n{}\n{output}", run.command, ended(run)));
    }
    short(&verdict, VERDICT_BYTES_MAX).to_owned()
}
