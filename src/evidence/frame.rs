//! Where a log's lines belong: jobs, steps, command echoes, and which of them failed.
//!
//! A [`Window`] is one step's stretch of lines in one job, as far as the CI system says. It hears
//! only the lines that the [`sieve`](super::sieve) lets through, in order; every marker of a CI
//! system is among them. The invariant: every line belongs to exactly one window, windows are in
//! the log's order, and a line that is not a program's output (an echoed script, an environment
//! dump, cleaning up) is quiet.

use super::draft::Draft;
use super::green::Green;
use super::lines::{LOOK_BYTES_MAX, Lines, Place};
use super::text::{Clean, Mark};
use super::{Hints, commands, paths, unknown};

mod jobs;
mod systems;
mod tail;
mod verdicts;

pub(super) use systems::is_own;

/// What the log itself says about a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The CI system said that it failed.
    Failed,
    /// The CI system said that it, or its whole job, passed.
    Passed,
    /// Nothing was said.
    Unsaid,
}

/// One step's lines.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// The step's name, or the command that it ran; may be empty.
    pub(super) name: String,
    /// The job's name; may be empty.
    pub(super) job: String,
    /// Number of its first line.
    pub(super) first: usize,
    /// Number after its last line; past every line while it is open.
    pub(super) end: usize,
    /// Number of the first line after the echo of its script.
    pub(super) output: usize,
    /// Whether it failed.
    pub(super) verdict: Verdict,
    /// The line on which the CI system said so.
    pub(super) said_at: Option<usize>,
    /// Whether the CI system gave an exit code.
    pub(super) exited: bool,
    /// Its script, as the runner echoed it.
    pub(super) script: Option<String>,
    /// The line with which the runner ends a job.
    pub(super) ended_job_at: Option<usize>,
    /// Whether it runs after the job's own steps, whatever became of them.
    pub(super) is_after: bool,
    /// What to say of it if no rule understands it.
    pub(super) unknown: Vec<Draft>,
    /// Its last words, to where the CI system gave up.
    pub(super) tail: Vec<(usize, Box<str>)>,
}

/// How many windows are told apart: a run has at most 256 jobs of some ten steps.
const WINDOWS_MAX: usize = 20_000;

/// The longest echo of a script and its environment that is believed; a missing end must not hide
/// the rest of the log.
const ECHO_LINES_MAX: usize = 400;

/// A log's windows, as heard so far.
#[derive(Debug)]
pub(super) struct Frame {
    /// The windows, in order.
    pub(super) windows: Vec<Window>,
    /// Directories that the log itself says are the repository's root.
    pub(super) learned: Vec<String>,
    /// What stood in the log when the job was last green.
    pub(super) green: Green,
    /// Names of the steps that the caller blames.
    blamed: Vec<String>,
    job: String,
    step: String,
    echo: Option<Place>,
    said: Option<Place>,
    in_cleanup: bool,
    /// Whether several branches print at once.
    in_parallel: bool,
    /// The first window of the current job.
    job_first: usize,
    tail_bytes: usize,
    /// Where the last line that was heard ends, in memory.
    heard_to: usize,
    green_at: Option<usize>,
}

impl Frame {
    /// A frame of nothing yet.
    pub(super) fn new(hints: &Hints<'_>) -> Self {
        let mut frame = Self {
            windows: Vec::new(),
            learned: Vec::new(),
            green: hints.green.map_or_else(Green::default, Green::of),
            blamed: hints.failed_steps.clone(),
            job: String::new(),
            step: String::new(),
            echo: None,
            said: None,
            in_cleanup: false,
            in_parallel: false,
            job_first: 0,
            tail_bytes: 0,
            heard_to: 0,
            green_at: None,
        };
        frame.push(0, "");
        frame
    }

    /// Hears the log's first line, which may name the first job and step.
    pub(super) fn begin(&mut self, first: &Clean<'_>) {
        if let (Some((job, step)), [window]) = (first.columns, &mut self.windows[..]) {
            job.clone_into(&mut self.job);
            step.clone_into(&mut self.step);
            job.clone_into(&mut window.job);
            if is_named(step) {
                step.clone_into(&mut window.name);
            }
        }
    }

    /// The window of the line that was heard last.
    pub(super) fn current(&self) -> usize {
        self.windows.len() - 1
    }

    /// The number of a window's first line and the number after its last.
    pub(super) fn lines_of(&self, window: usize) -> (usize, usize) {
        self.windows.get(window).map_or((0, usize::MAX), |window| (window.first, window.end))
    }

    /// Hears a line; whether it is something else than a program's output.
    pub(super) fn hear(&mut self, lines: Lines<'_>, place: Place, line: &Clean<'_>) -> bool {
        let text = line.text;
        if let Some(columns) = line.columns {
            self.follow(lines, place, columns);
        }
        self.heard_to = place.end;
        let mut quiet = false;
        match line.mark {
            Mark::Open if text.starts_with("Run ") && line.stamped => {
                self.open(lines, place, text);
                self.echo = Some(place);
            }
            Mark::Begin => self.open(lines, place, text),
            Mark::Open if !line.stamped => self.open(lines, place, text),
            // A group inside a step is no step.
            Mark::Open => quiet = true,
            Mark::End => self.finish_task(place, text),
            Mark::Close => {
                quiet = true;
                self.end_echo(lines, place.index + 1);
            }
            Mark::Error | Mark::Aside | Mark::None => {}
        }
        if text.starts_with("Post job cleanup.") {
            self.open(lines, place, "Post job cleanup");
            self.in_cleanup = true;
        }
        if self.echo.is_some_and(|echo| place.index - echo.index >= ECHO_LINES_MAX) {
            self.echo = None;
        }
        quiet |= self.echo.is_some() || self.in_cleanup && line.mark != Mark::Error;
        if !self.in_cleanup {
            quiet |= self.verdict(lines, place, line);
        }
        self.hear_ends(place.index, text);
        paths::learn(text, &mut self.learned);
        quiet
    }

    /// The log is at its end.
    pub(super) fn finish(&mut self, lines: Lines<'_>, last: Option<Place>) {
        let end = last.map_or(0, |last| last.index + 1);
        self.settle(lines, last);
        if let Some(window) = self.windows.last_mut() {
            window.end = end.max(window.first);
        }
        // A command that is known to have failed may say nothing of it.
        if let (Some(last), Some(window)) = (last, self.windows.last_mut())
            && window.tail.is_empty()
        {
            tail::keep(window, lines, last, &mut self.tail_bytes);
        }
        let silent = self.windows.iter().rposition(|window| window.end > window.first);
        if let (Some(at), Some(last)) = (silent, last)
            && self.windows[at].unknown.is_empty()
        {
            self.windows[at].unknown =
                unknown::of_window(lines, &self.windows[at], last, &self.green);
        }
        if self.green_at.is_some_and(|at| at + LAST_LINES >= end) {
            jobs::pass(&mut self.windows[self.job_first..]);
        } else {
            jobs::judge(&mut self.windows);
        }
    }

    /// The first so many bytes in memory are let go.
    pub(super) fn slide(&mut self, lines: Lines<'_>, bytes: usize) {
        if self.said.is_some_and(|said| said.slid(bytes).is_none()) {
            let said = self.said;
            self.settle(lines, said);
        }
        self.said = self.said.and_then(|said| said.slid(bytes));
        self.echo = self.echo.and_then(|echo| echo.slid(bytes));
        self.heard_to = self.heard_to.saturating_sub(bytes);
    }

    /// A line of another job or step begins somewhere after the last line that was heard.
    fn follow(&mut self, lines: Lines<'_>, place: Place, (job, step): (&str, &str)) {
        if job == self.job && step == self.step {
            return;
        }
        let mut first = place;
        while let Some(above) = lines.above(first)
            && above.start > self.heard_to
            && place.start - above.start < LOOK_BYTES_MAX
            && lines.clean(above).columns == Some((job, step))
        {
            first = above;
        }
        job.clone_into(&mut self.job);
        step.clone_into(&mut self.step);
        self.open(lines, first, "");
    }

    fn open(&mut self, lines: Lines<'_>, place: Place, name: &str) {
        let above = lines.above(place);
        self.settle(lines, above);
        let is_after = systems::is_after(name);
        if is_after && !self.is_after() {
            // Whether the step before failed is said later, when its lines are gone.
            self.keep_words(lines, above);
        }
        self.push(place.index, name);
        if let Some(window) = self.windows.last_mut() {
            window.is_after = is_after;
        }
    }

    fn push(&mut self, first: usize, name: &str) {
        if self.windows.len() >= WINDOWS_MAX {
            return;
        }
        if let Some(last) = self.windows.last_mut() {
            last.end = first;
        }
        self.windows.push(Window {
            name: if is_named(&self.step) { self.step.clone() } else { name.to_owned() },
            job: self.job.clone(),
            first,
            end: usize::MAX,
            output: first,
            verdict: Verdict::Unsaid,
            said_at: None,
            exited: false,
            script: None,
            ended_job_at: None,
            is_after: false,
            unknown: Vec::new(),
            tail: Vec::new(),
        });
        self.in_cleanup = false;
        self.echo = None;
        self.said = None;
    }

    /// Writes down what the current window says for itself, while its lines are at hand.
    fn settle(&mut self, lines: Lines<'_>, last: Option<Place>) {
        let Some(window) = self.windows.last_mut() else { return };
        let blamed = self.blamed.contains(&window.name);
        let last = if blamed { self.said.or(last) } else { self.said };
        let failed = window.verdict == Verdict::Failed || blamed;
        self.keep_words(lines, last.filter(|_| failed));
    }

    /// Keeps what the current window says to a line.
    fn keep_words(&mut self, lines: Lines<'_>, last: Option<Place>) {
        if let (Some(last), Some(window)) = (last, self.windows.last_mut()) {
            window.unknown = unknown::of_window(lines, window, last, &self.green);
            tail::keep(window, lines, last, &mut self.tail_bytes);
        }
    }

    fn end_echo(&mut self, lines: Lines<'_>, output: usize) {
        let Some(echo) = self.echo.take() else { return };
        if let Some(window) = self.windows.last_mut() {
            window.output = output;
            window.script = commands::script_below(lines, echo);
        }
    }

    /// Hears what ends a job or a log.
    fn hear_ends(&mut self, index: usize, text: &str) {
        if text.starts_with("Cleaning up orphan processes")
            && let Some(window) = self.windows.last_mut()
        {
            window.ended_job_at = Some(index);
        }
        if systems::is_green(text) {
            self.green_at = Some(index);
        }
    }
}

/// How near to the end that must stand.
const LAST_LINES: usize = 40;

/// Whether a column names a step; what cannot be mapped to one appears under this name.
fn is_named(step: &str) -> bool {
    !step.is_empty() && step != "UNKNOWN STEP"
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;

    use super::*;

    fn places(lines: Lines<'_>) -> impl Iterator<Item = Place> {
        let bytes = lines.bytes;
        let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
        let first = Place { index: 0, start: 0, end };
        std::iter::successors(Some(first), move |place| lines.below(*place))
    }

    fn framed(log: &str) -> Frame {
        let space = Bump::new();
        let lines = Lines { bytes: log.as_bytes(), space: &space };
        let mut frame = Frame::new(&Hints::default());
        for place in places(lines) {
            frame.hear(lines, place, &lines.clean(place));
        }
        frame.finish(lines, places(lines).last());
        frame
    }

    #[track_caller]
    fn check_windows(log: &str, expected: &[(&str, Verdict)]) {
        let frame = framed(log);
        let got: Vec<(&str, Verdict)> = frame
            .windows
            .iter()
            .filter(|window| window.end > window.first)
            .map(|window| (window.name.as_str(), window.verdict))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn steps_and_their_ends_are_found() {
        let stamp = "2026-08-07T06:03:50.1234567Z ";
        let log = [
            "##[group]Run make a",
            "make a",
            "##[endgroup]",
            "ok",
            "##[group]Run make b",
            "##[endgroup]",
            "bad",
            "##[error]Process completed with exit code 2.",
            "Post job cleanup.",
        ]
        .map(|line| format!("{stamp}{line}"))
        .join("\n");
        check_windows(
            &log,
            &[
                ("Run make a", Verdict::Unsaid),
                ("Run make b", Verdict::Failed),
                ("Post job cleanup", Verdict::Unsaid),
            ],
        );
        check_windows(
            "a\nThe command \"x\" exited with 0.\nb\nThe command \"y\" exited with 1.\n",
            &[("x", Verdict::Passed), ("y", Verdict::Failed)],
        );
        check_windows("a\nDone. Your build exited with 0.\n", &[("", Verdict::Passed)]);
    }

    #[test]
    fn an_echoed_script_is_quiet() {
        let stamp = "2026-08-07T06:03:50.1234567Z ";
        let log = ["##[group]Run x", "error: no", "##[endgroup]", "error: yes"]
            .map(|line| format!("{stamp}{line}"))
            .join("\n");
        let space = Bump::new();
        let lines = Lines { bytes: log.as_bytes(), space: &space };
        let mut frame = Frame::new(&Hints::default());
        let heard = places(lines).map(|place| frame.hear(lines, place, &lines.clean(place)));
        assert_eq!(heard.collect::<Vec<_>>(), [true, true, true, false]);
    }
}
