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
mod tail;

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
    /// What to say of it if no rule understands it.
    pub(super) unknown: Option<Draft>,
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
    has_failed: bool,
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
            has_failed: false,
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
            Mark::Open if !line.stamped || is_section(text) => self.open(lines, place, text),
            Mark::Open => quiet = true,
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
        quiet |= is_fold(text) || self.echo.is_some();
        quiet |= self.in_cleanup && line.mark != Mark::Error;
        if !self.in_cleanup {
            self.verdict(lines, place, line);
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
            && self.windows[at].unknown.is_none()
        {
            self.windows[at].unknown =
                unknown::of_window(lines, &self.windows[at], last, &self.green);
        }
        if self.green_at.is_some_and(|at| at + LAST_LINES >= end) {
            jobs::pass(&mut self.windows);
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
        self.push(place.index, name);
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
            unknown: None,
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
        if let Some(last) = last.filter(|_| failed) {
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

    /// Hears what a line says about its window.
    fn verdict(&mut self, lines: Lines<'_>, place: Place, line: &Clean<'_>) {
        let text = line.text;
        let failed = line.mark == Mark::Error || text.starts_with("ERROR: Job failed");
        if failed {
            // Only the last line of a step ends it; a problem matcher's errors come before.
            self.close(place, Verdict::Failed);
            if let Some(window) = self.windows.last_mut() {
                window.exited = text.starts_with("Process completed with exit code ");
            }
        } else if text.starts_with("Done. Your build exited with ")
            && !text.ends_with(" 0.")
            && !self.has_failed
        {
            self.blame_last(lines, place);
        } else if let Some(code) = travis_exit(text) {
            self.close(place, if code == "0" { Verdict::Passed } else { Verdict::Failed });
            if let Some(window) = self.windows.last_mut() {
                text.split('"').nth(1).unwrap_or("").clone_into(&mut window.name);
            }
            self.settle(lines, None);
            self.push(place.index + 1, "");
        }
    }

    fn close(&mut self, place: Place, verdict: Verdict) {
        self.said = Some(place);
        self.has_failed |= verdict == Verdict::Failed;
        if let Some(window) = self.windows.last_mut() {
            window.verdict = verdict;
            window.said_at = Some(place.index);
        }
    }

    /// A build that only says at its very end that it failed: any of its steps may be at fault.
    fn blame_last(&mut self, lines: Lines<'_>, place: Place) {
        self.has_failed = true;
        let window = self.windows.iter_mut().rfind(|w| w.verdict == Verdict::Unsaid);
        if let Some(window) = window {
            window.verdict = Verdict::Failed;
            window.said_at = Some(place.index);
            window.unknown = unknown::of_window(lines, window, place, &self.green);
        }
    }

    /// Hears what ends a job or a log.
    fn hear_ends(&mut self, index: usize, text: &str) {
        if text.starts_with("Cleaning up orphan processes")
            && let Some(window) = self.windows.last_mut()
        {
            window.ended_job_at = Some(index);
        }
        if GREEN.iter().any(|green| text.starts_with(green)) {
            self.green_at = Some(index);
        }
    }
}

/// With what a log that passed ends.
const GREEN: [&str; 3] = ["Done. Your build exited with 0", "Job succeeded", "Finished: SUCCESS"];

/// How near to the end that must stand.
const LAST_LINES: usize = 40;

/// Whether a column names a step; what cannot be mapped to one appears under this name.
fn is_named(step: &str) -> bool {
    !step.is_empty() && step != "UNKNOWN STEP"
}

/// Azure's sections name tasks; a group inside a step is no step.
fn is_section(text: &str) -> bool {
    text.starts_with("Starting: ")
}

/// Travis' own lines.
pub(super) fn is_fold(text: &str) -> bool {
    text.starts_with("travis_time:") || text.starts_with("travis_fold:")
}

/// The exit code in `The command "…" exited with N.` or `… failed and exited with N during .`.
fn travis_exit(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("The command \"")?;
    let (_, code) = rest.rsplit_once("exited with ")?;
    let digits = code.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(digits).filter(|digits| !digits.is_empty())
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
