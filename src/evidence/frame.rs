//! Where a log's lines belong: jobs, steps, command echoes, and which of them failed.
//!
//! A [`Window`] is one step's stretch of lines in one job, as far as the CI system says. The
//! invariant: every line belongs to exactly one window, windows are in the log's order, and a line
//! that is not a program's output (an echoed script, an environment dump, cleaning up) is quiet.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::text::{Mark, Text};

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
    /// Index of its first line.
    pub(super) first: usize,
    /// Index after its last line.
    pub(super) end: usize,
    /// Whether it failed.
    pub(super) verdict: Verdict,
    /// The line on which the CI system said so.
    pub(super) said_at: Option<usize>,
}

/// A log, its windows, and which lines are quiet.
#[derive(Debug)]
pub(super) struct Frame {
    /// The clean lines.
    pub(super) text: Text,
    /// The windows, in order.
    pub(super) windows: Vec<Window>,
    quiet: Vec<bool>,
    window_of: Vec<u32>,
}

impl Frame {
    /// Frames a log.
    pub(super) fn of(log: &[u8]) -> Self {
        let text = Text::of(log);
        let mut framing = Framing::new(&text);
        for index in 0..text.lines.len() {
            framing.step(index);
        }
        let Framing { mut windows, quiet, window_of, .. } = framing;
        if let Some(last) = windows.last_mut() {
            last.end = text.lines.len();
        }
        judge_jobs(&mut windows, &text);
        Self { text, windows, quiet, window_of }
    }

    /// The window of a line.
    pub(super) fn window_of(&self, index: usize) -> usize {
        self.window_of.get(index).map_or(0, |window| *window as usize)
    }

    /// Whether a line is something else than a program's output.
    pub(super) fn is_quiet(&self, index: usize) -> bool {
        self.quiet.get(index).copied().unwrap_or(true)
    }

    /// A line with its neighbourhood.
    pub(super) fn at(&self, index: usize, peels: u8) -> At<'_> {
        At { frame: self, index, peels }
    }
}

struct Framing<'t> {
    text: &'t Text,
    windows: Vec<Window>,
    quiet: Vec<bool>,
    window_of: Vec<u32>,
    echo_since: Option<usize>,
    in_cleanup: bool,
    column: u32,
}

/// The longest echo of a script and its environment that is believed; a missing end must not hide
/// the rest of the log.
const ECHO_LINES_MAX: usize = 400;

impl<'t> Framing<'t> {
    fn new(text: &'t Text) -> Self {
        let mut framing = Self {
            text,
            windows: Vec::new(),
            quiet: Vec::with_capacity(text.lines.len()),
            window_of: Vec::with_capacity(text.lines.len()),
            echo_since: None,
            in_cleanup: false,
            column: u32::MAX,
        };
        framing.column = text.lines.first().map_or(0, |line| line.column);
        framing.open(0, "");
        framing
    }

    fn open(&mut self, index: usize, name: &str) {
        if let Some(last) = self.windows.last_mut() {
            last.end = index;
        }
        let (job, step) = &self.text.columns[self.column as usize];
        let named = !step.is_empty() && step != "UNKNOWN STEP";
        self.windows.push(Window {
            name: if named { step.clone() } else { name.to_owned() },
            job: job.clone(),
            first: index,
            end: index,
            verdict: Verdict::Unsaid,
            said_at: None,
        });
        self.in_cleanup = false;
        self.echo_since = None;
    }

    fn step(&mut self, index: usize) {
        let line = self.text.lines[index];
        let text = self.text.line(index);
        if line.column != self.column {
            self.column = line.column;
            self.open(index, "");
        }
        let mut quiet = false;
        match line.mark {
            Mark::Open if text.starts_with("Run ") && line.stamped => {
                self.open(index, text);
                self.echo_since = Some(index);
            }
            Mark::Open if !line.stamped || is_section(text) => self.open(index, text),
            Mark::Open => quiet = true,
            Mark::Close => {
                quiet = true;
                self.echo_since = None;
            }
            Mark::Error | Mark::Aside | Mark::None => {}
        }
        if text.starts_with("Post job cleanup.") {
            self.open(index, "Post job cleanup");
            self.in_cleanup = true;
        }
        quiet |= text.starts_with("travis_time:") || text.starts_with("travis_fold:");
        let echo = self.echo_since.is_some_and(|since| index - since < ECHO_LINES_MAX);
        quiet |= echo || self.in_cleanup && line.mark != Mark::Error;
        self.quiet.push(quiet);
        self.window_of.push(u32::try_from(self.windows.len() - 1).unwrap_or(u32::MAX));
        if !self.in_cleanup {
            self.verdict(index, text);
        }
    }

    /// Hears what a line says about its window.
    fn verdict(&mut self, index: usize, text: &str) {
        let mark = self.text.lines[index].mark;
        let failed = mark == Mark::Error || text.starts_with("ERROR: Job failed");
        if failed {
            // Only the last line of a step ends it; a problem matcher's errors come before.
            self.close(index, Verdict::Failed);
        } else if text.starts_with("Done. Your build exited with ")
            && !text.ends_with(" 0.")
            && self.windows.iter().all(|window| window.verdict != Verdict::Failed)
        {
            self.blame_last(index);
        } else if let Some(code) = travis_exit(text) {
            self.close(index, if code == "0" { Verdict::Passed } else { Verdict::Failed });
            if let Some(window) = self.windows.last_mut() {
                text.split('"').nth(1).unwrap_or("").clone_into(&mut window.name);
            }
            self.open(index + 1, "");
        }
    }

    fn close(&mut self, index: usize, verdict: Verdict) {
        if let Some(window) = self.windows.last_mut() {
            window.verdict = verdict;
            window.said_at = Some(index);
        }
    }

    /// A build that only says at its very end that it failed: any of its steps may be at fault.
    fn blame_last(&mut self, index: usize) {
        let window = self.windows.iter_mut().rfind(|w| w.verdict == Verdict::Unsaid);
        if let Some(window) = window {
            window.verdict = Verdict::Failed;
            window.said_at = Some(index);
        }
    }
}

/// Azure's sections name tasks; a group inside a step is no step.
fn is_section(text: &str) -> bool {
    text.starts_with("Starting: ")
}

/// The exit code in `The command "…" exited with N.` or `… failed and exited with N during .`.
fn travis_exit(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("The command \"")?;
    let (_, code) = rest.rsplit_once("exited with ")?;
    let digits = code.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(digits).filter(|digits| !digits.is_empty())
}

/// A job that ran to its end without an error passed; so did the steps beside one that failed.
fn judge_jobs(windows: &mut [Window], text: &Text) {
    let green = (text.lines.len().saturating_sub(40)..text.lines.len()).any(|index| {
        text.line(index).starts_with("Done. Your build exited with 0")
            || text.line(index).starts_with("Job succeeded")
            || text.line(index).starts_with("Finished: SUCCESS")
    });
    let mut jobs: Vec<String> = windows.iter().map(|window| window.job.clone()).collect();
    jobs.sort_unstable();
    jobs.dedup();
    for job in jobs {
        let of_job = |window: &&mut Window| window.job == job;
        let failed = windows.iter().any(|w| w.job == job && w.verdict == Verdict::Failed);
        let complete = windows.iter().any(|w| {
            w.job == job
                && (w.name == "Post job cleanup" || w.name == "Complete job" || ends_job(text, w))
        });
        let passed = green || complete && !failed;
        for window in windows.iter_mut().filter(of_job) {
            if passed {
                window.verdict = Verdict::Passed;
            }
        }
    }
}

fn ends_job(text: &Text, window: &Window) -> bool {
    let tail = window.end.saturating_sub(30).max(window.first)..window.end;
    tail.into_iter().any(|index| text.line(index).starts_with("Cleaning up orphan processes"))
}

/// A line with its neighbourhood: what a rule's reader may look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'f> {
    frame: &'f Frame,
    /// Index of the line.
    pub(super) index: usize,
    /// How many stacked prefixes were taken off before the pattern matched.
    peels: u8,
}

/// How far a reader may look in either direction: a file header above 200 findings, captured output
/// between a failed test and its panic.
pub(super) const LOOK_LINES_MAX: usize = 400;

impl<'f> At<'f> {
    /// The line itself, as the pattern saw it.
    pub(super) fn text(&self) -> &'f str {
        self.peeled(self.index)
    }

    /// What the CI system put before the line.
    pub(super) fn mark(&self) -> Mark {
        self.frame.text.lines.get(self.index).map_or(Mark::None, |line| line.mark)
    }

    /// The line `distance` below, while it is in the same step.
    pub(super) fn below(&self, distance: usize) -> Option<&'f str> {
        let index = self.index + distance;
        let window = self.frame.windows.get(self.frame.window_of(self.index))?;
        (index < window.end && distance <= LOOK_LINES_MAX).then(|| self.peeled(index))
    }

    /// The line `distance` above, while it is in the same step.
    pub(super) fn above(&self, distance: usize) -> Option<&'f str> {
        let index = self.index.checked_sub(distance)?;
        let window = self.frame.windows.get(self.frame.window_of(self.index))?;
        (index >= window.first && distance <= LOOK_LINES_MAX).then(|| self.peeled(index))
    }

    /// The lines below, at most `lines`.
    pub(super) fn lines_below(self, lines: usize) -> impl Iterator<Item = (usize, &'f str)> {
        (1..=lines).map_while(move |distance| Some((distance, self.below(distance)?)))
    }

    /// The lines above, nearest first, at most `lines`.
    pub(super) fn lines_above(self, lines: usize) -> impl Iterator<Item = (usize, &'f str)> {
        (1..=lines).map_while(move |distance| Some((distance, self.above(distance)?)))
    }

    fn peeled(&self, index: usize) -> &'f str {
        let mut text = self.frame.text.line(index);
        for _ in 0..self.peels {
            match peel(text) {
                Some(rest) => text = rest,
                None => break,
            }
        }
        text
    }
}

/// How many prefixes may be stacked: build log, container, package, tool.
pub(super) const PEELS_MAX: u8 = 4;

/// Whether a line begins as only a container build's log does: `#19 11.02 `, `42.1 `.
pub(super) fn is_prefixed(text: &str) -> bool {
    let Some((word, rest)) = text.trim_start().split_once(' ') else { return false };
    let numeric =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    !rest.is_empty()
        && match word.strip_prefix('#') {
            Some(number) => numeric(number),
            None => word.contains('.') && numeric(word),
        }
}

/// What stands behind one prefix that some program put before another one's line.
pub(super) fn peel(text: &str) -> Option<&str> {
    static PREFIX: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let forms = [
            r"#[0-9]+ (?:[0-9]+\.[0-9]+ )?", // BuildKit: `#19 11.02 `
            r"[0-9]+\.[0-9]{1,3} ",          // BuildKit's summary
            r"\[[^\]]{1,60}\]:? +(?:▸ +)?",  // `[worker] `, `[08:38:44]: ▸ `
            r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[ T][0-9:]{8}(?:[.,][0-9]+)?(?:Z|[+-][0-9:]{4,5})? ",
            r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)? ",
            r"[A-Za-z][A-Za-z0-9_.-]* +\| ?", // compose: `web_1  | `
            r"@?[A-Za-z0-9_./-]+(?: [A-Za-z0-9_:.-]+|:[A-Za-z0-9_:-]+)(?::|\$) ", // pnpm, turbo
            r"\((?:pid|rank)=[^)]{1,40}\) ",
            r"(?:│|║|┃|#|>) ?", // boxes: `│ `, opam: `# `
        ];
        Regex::new(&format!(r"(?-u)^ {{0,8}}(?:{})", forms.join("|"))).ok()
    });
    let end = PREFIX.as_ref()?.find(text.as_bytes())?.end();
    text.get(end..).filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_peel(text: &str, expected: Option<&str>) {
        assert_eq!(peel(text), expected, "{text:?}");
    }

    #[test]
    fn what_programs_put_before_each_others_lines_is_taken_off() {
        check_peel("#19 11.02 src/a.c:1:2: error: x", Some("src/a.c:1:2: error: x"));
        check_peel("[worker] FAIL x", Some("FAIL x"));
        check_peel("[08:38:44]: ▸ error", Some("error"));
        check_peel("web_1  | error", Some("error"));
        check_peel("packages/x lint: error", Some("error"));
        check_peel("@a/b:test: error", Some("error"));
        check_peel("2026/08/07 06:03:50 --- FAIL", Some("--- FAIL"));
        check_peel("│ Error: x", Some("Error: x"));
        check_peel("error", None);
    }

    #[track_caller]
    fn check_windows(log: &str, expected: &[(&str, Verdict)]) {
        let frame = Frame::of(log.as_bytes());
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
        let frame = Frame::of(log.as_bytes());
        let quiet: Vec<bool> = (0..4).map(|index| frame.is_quiet(index)).collect();
        assert_eq!(quiet, [true, true, true, false]);
    }
}
