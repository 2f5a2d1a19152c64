//! What `selfheal parse` says of a log, asked of a process of its own.
//!
//! The log goes in by standard input, so that a compressed one needs no file. A program that ends
//! otherwise than promised, prints something else or never ends is an error and no empty answer.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;

/// A log is read in milliseconds; who needs so long will not come back.
const ANSWER_SECS_MAX: u64 = 30;
/// Severities that are told but do not fail a job.
const QUIET: &[&str] =
    &["warning", "warn", "info", "note", "notice", "hint", "help", "skipped", "flaky"];

/// What was printed, as far as it is judged.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Answer {
    /// The failures, what to fix first at the front.
    failures: Vec<Found>,
    /// The lines that are shown.
    #[serde(default)]
    pub(crate) excerpts: Vec<Lines>,
}

/// A failure that was reported.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Found {
    /// What kind of failure.
    pub(crate) kind: String,
    /// The file.
    pub(crate) file: Option<String>,
    /// The line in it.
    pub(crate) line: Option<u64>,
    /// The column.
    pub(crate) column: Option<u64>,
    /// The tool's code for it.
    pub(crate) code: Option<String>,
    /// The test's name.
    pub(crate) test: Option<String>,
    /// What is said.
    pub(crate) message: Option<String>,
    /// What the tool would do.
    pub(crate) suggestion: Option<String>,
    /// How bad it is.
    pub(crate) severity: Option<String>,
    /// The lines of the log that say so.
    pub(crate) log_range: Option<(usize, usize)>,
}

/// Lines of a log, first and last, counted from 1.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Lines {
    /// The first.
    pub(crate) start: usize,
    /// The last.
    pub(crate) end: usize,
}

impl Answer {
    /// The failures that fail a job.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Found> {
        self.failures.iter().filter(|found| {
            let severity = found.severity.as_deref().unwrap_or("error").to_lowercase();
            !QUIET.contains(&severity.as_str())
        })
    }
}

/// Ask the program what is in a log.
///
/// # Errors
/// When it cannot be started, does not end in time, ends badly or prints something else.
pub(crate) fn ask(program: &Path, log: &[u8]) -> anyhow::Result<Answer> {
    let mut child = Command::new(program)
        .args(["parse", "--format", "json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{} could not be started", program.display()))?;
    let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
        anyhow::bail!("the program has no pipes");
    };
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut printed = Vec::new();
        let read = stdout.read_to_end(&mut printed).map(|_| printed);
        let _ = sender.send(read);
    });
    let printed = thread::scope(|threads| {
        // Who ends before the log does shows it by the exit code.
        threads.spawn(move || drop(stdin.write_all(log)));
        let printed = receiver.recv_timeout(Duration::from_secs(ANSWER_SECS_MAX));
        if printed.is_err() {
            let _ = child.kill();
        }
        printed
    });
    let status = child.wait().context("the program cannot be waited for")?;
    let printed = printed.with_context(|| format!("no answer in {ANSWER_SECS_MAX} s"))??;
    // 0: no failures, 1: failures.
    anyhow::ensure!(matches!(status.code(), Some(0 | 1)), "the program ended with {status}");
    serde_json::from_slice(&printed).context("the answer is not the JSON that was promised")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fail_a_job_is_not_counted() {
        let printed = r#"{"failures": [{"kind": "lint", "severity": "Warning"},
            {"kind": "lint", "severity": "error"}, {"kind": "unknown"}], "stats": {}}"#;
        let answer: Answer = serde_json::from_str(printed).unwrap();
        let kinds: Vec<&str> = answer.failures().map(|found| found.kind.as_str()).collect();
        assert_eq!(kinds, ["lint", "unknown"]);
    }

    #[test]
    fn a_program_that_ends_badly_or_says_nothing_is_an_error() {
        check("false", "the answer is not the JSON that was promised");
        check("/nowhere/selfheal", "/nowhere/selfheal could not be started");
    }

    #[track_caller]
    fn check(program: &str, expected: &str) {
        assert_eq!(ask(Path::new(program), b"log").unwrap_err().to_string(), expected);
    }
}
