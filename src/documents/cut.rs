//! What of a document may be cut when it is too large: outputs and words, never commands, verdicts or
//! counts, by which the next machine goes on.

use super::{
    AssumptionAnalysis, RunNote, State, TaskInput, TriagePlan, ValidationStrategy,
    VerificationResults, short, tail,
};

fn begin(text: &mut String, bytes_max: usize) {
    text.truncate(short(text, bytes_max).len());
}

/// Of an output the end says most.
fn ends(runs: &mut [RunNote], bytes_max: usize) {
    for run in runs {
        run.output_tail = tail(&run.output_tail, bytes_max).to_owned();
    }
}

impl TaskInput {
    /// It is for people alone.
    pub(super) fn cut_texts(&mut self, bytes_max: usize) {
        for failure in &mut self.failures {
            begin(&mut failure.message, bytes_max);
            let texts = [&mut failure.file, &mut failure.code, &mut failure.test];
            for text in texts.into_iter().flatten() {
                begin(text, bytes_max);
            }
        }
        for command in self.failing_commands.iter_mut().chain(&mut self.verify) {
            begin(command, bytes_max);
        }
    }
}

impl TriagePlan {
    pub(super) fn cut_texts(&mut self, bytes_max: usize) {
        ends(&mut self.reproduced, bytes_max);
    }
}

impl State {
    pub(super) fn cut_texts(&mut self, bytes_max: usize) {
        for turn in &mut self.turns {
            for text in [&mut turn.diff, &mut turn.verdict, &mut turn.summary] {
                begin(text, bytes_max);
            }
        }
    }
}

impl ValidationStrategy {
    /// Its commands are run.
    #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "as all documents")]
    pub(super) const fn cut_texts(&mut self, _bytes_max: usize) {}
}

impl VerificationResults {
    pub(super) fn cut_texts(&mut self, bytes_max: usize) {
        ends(&mut self.runs, bytes_max);
        ends(&mut self.set_aside, bytes_max);
    }
}

impl AssumptionAnalysis {
    /// The analysis has a limit of its own, for which its author was asked again.
    pub(super) fn cut_texts(&mut self, bytes_max: usize) {
        if let Some(refused) = &mut self.refused {
            begin(refused, bytes_max);
        }
    }
}
