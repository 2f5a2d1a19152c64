//! What is said about how steps and jobs ended, written down in their windows.
//!
//! Some systems say it of each step, some only at the job's end. The invariant: where a step was
//! called failed, the job's end blames no other.

use super::super::lines::{Lines, Place};
use super::super::text::{Clean, Mark};
use super::super::unknown;
use super::systems::{self, Said};
use super::{Frame, Verdict, Window, tail};

impl Frame {
    /// Hears what a line says about its window; whether it says nothing else.
    pub(super) fn verdict(&mut self, lines: Lines<'_>, place: Place, line: &Clean<'_>) -> bool {
        if line.mark == Mark::Error {
            // Only the last line of a step ends it; a problem matcher's errors come before.
            self.close(place, Verdict::Failed);
            if let Some(window) = self.windows.last_mut() {
                window.exited = line.text.starts_with("Process completed with exit code ");
            }
            return false;
        }
        let Some(said) = systems::said(line) else { return false };
        match said {
            Said::Step(_) | Said::Script if self.in_parallel => {}
            Said::Step(name) | Said::After(name) => {
                self.open(lines, place, name);
                self.begin_output(place.index + 1);
            }
            Said::Script => {
                let below = lines.below(place).map_or("", |below| lines.clean(below).text);
                self.open(lines, place, below);
                self.begin_output(place.index + 2);
            }
            Said::Parallel => self.in_parallel = true,
            Said::Joined => self.in_parallel = false,
            Said::Ended(verdict) if !self.is_after() => self.close(place, verdict),
            Said::Named(verdict, name) => {
                self.close(place, verdict);
                self.rename(name);
            }
            Said::Over(verdict, name) => {
                self.close(place, verdict);
                self.rename(name);
                self.settle(lines, None);
                self.push(place.index + 1, "");
            }
            Said::Skipped => self.skip(lines, place),
            Said::JobFailed => {
                self.fail_job(lines, place);
                return false;
            }
            Said::Ended(_) | Said::Own => {}
        }
        true
    }

    /// Whether the current window runs after the job's own steps.
    pub(super) fn is_after(&self) -> bool {
        self.windows.last().is_some_and(|window| window.is_after)
    }

    /// Where the step's own words begin, below its heading.
    fn begin_output(&mut self, line: usize) {
        if let Some(window) = self.windows.last_mut() {
            window.output = line;
        }
    }

    fn rename(&mut self, name: &str) {
        if let Some(window) = self.windows.last_mut().filter(|_| !name.is_empty()) {
            name.clone_into(&mut window.name);
        }
    }

    /// Azure says of a task only that it finished, but marks before what failed it.
    pub(super) fn finish_task(&mut self, place: Place, text: &str) {
        let current = self.windows.last().filter(|window| window.name == text);
        if current.is_some_and(|window| window.verdict == Verdict::Unsaid) {
            self.close(place, Verdict::Passed);
        }
    }

    /// The current step does not run, for one before it failed.
    fn skip(&mut self, lines: Lines<'_>, place: Place) {
        if let Some(window) = self.windows.last_mut() {
            window.verdict = Verdict::Passed;
        }
        self.blame_last(lines, place);
    }

    /// The job says at its end that it failed.
    fn fail_job(&mut self, lines: Lines<'_>, place: Place) {
        self.blame_last(lines, place);
        // Why may stand here, too: a time limit, a fault of the system itself.
        if let Some(last) = self.windows.last_mut().filter(|window| window.is_after) {
            last.verdict = Verdict::Failed;
            last.unknown = Vec::new();
        }
        // The line is still read in its own window; the next one is another job's.
        self.job_first = self.windows.len();
    }

    fn close(&mut self, place: Place, verdict: Verdict) {
        self.said = Some(place);
        if let Some(window) = self.windows.last_mut() {
            window.verdict = verdict;
            window.said_at = Some(place.index);
        }
    }

    /// A build that only says at its very end that it failed: the last of its own steps is at fault
    /// unless one said so.
    fn blame_last(&mut self, lines: Lines<'_>, place: Place) {
        let job = &mut self.windows[self.job_first..];
        if job.iter().any(|window| window.verdict == Verdict::Failed) {
            return;
        }
        let unsaid = |window: &&mut Window| window.verdict == Verdict::Unsaid;
        let own = job.iter_mut().filter(unsaid).rfind(|window| !window.is_after);
        if let Some(window) = own {
            window.verdict = Verdict::Failed;
            window.said_at = Some(place.index.min(window.end));
            if window.unknown.is_empty() {
                window.unknown = unknown::of_window(lines, window, place, &self.green);
            }
            if window.tail.is_empty() {
                tail::keep(window, lines, place, &mut self.tail_bytes);
            }
        }
    }
}
