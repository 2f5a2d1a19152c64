//! What a workflow run comes out as, said by a test, in memory.
//!
//! Logs are framed as GitHub frames them, so that whoever reads them cannot tell.

use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::time::log_stamp;

/// How a job comes out.
#[derive(Debug, Clone)]
pub struct JobScript {
    /// Its name, matrix values included.
    pub name: String,
    /// `success`, `failure`, `cancelled`, `skipped`, `timed_out`.
    pub conclusion: String,
    /// Its steps in order: name and conclusion.
    pub steps: Vec<(String, String)>,
    /// Its log in GitHub's own format; `None` while it is not uploaded.
    pub log: Option<Vec<u8>>,
    /// Whether the log is past its retention.
    pub is_log_expired: bool,
    /// Annotations at failing lines: path, line, message.
    pub remarks: Vec<(String, u64, String)>,
}

/// What a run uploads.
#[derive(Debug, Clone)]
pub struct ArtifactScript {
    /// Its name.
    pub name: String,
    /// Its archive; any bytes, because anybody may upload anything.
    pub zip: Vec<u8>,
    /// Whether it is past its retention.
    pub is_expired: bool,
}

/// How a run comes out.
#[derive(Debug, Clone)]
pub struct RunScript {
    /// The conclusion; `None` leaves it running.
    pub conclusion: Option<String>,
    /// Its jobs.
    pub jobs: Vec<JobScript>,
    /// What it uploads.
    pub artifacts: Vec<ArtifactScript>,
}

impl RunScript {
    /// One green job.
    pub fn green() -> Self {
        let step = [("Run cargo test", "success")];
        Self::concluded("success").job(JobScript::new("build", "success", &step, "ok\n"))
    }

    /// One red job: the step that fails, and what it printed.
    pub fn red(job: &str, step: &str, output: &str) -> Self {
        let steps = [("Set up job", "success"), (step, "failure"), ("Complete job", "success")];
        Self::concluded("failure").job(JobScript::new(job, "failure", &steps, output))
    }

    /// A run without jobs: `cancelled`, `action_required`, `startup_failure`, `timed_out`, …
    pub fn concluded(conclusion: &str) -> Self {
        Self { conclusion: Some(conclusion.to_owned()), ..Self::unfinished() }
    }

    /// A run that does not end.
    pub fn unfinished() -> Self {
        Self { conclusion: None, jobs: Vec::new(), artifacts: Vec::new() }
    }

    /// The same with one more job.
    #[must_use]
    pub fn job(mut self, job: JobScript) -> Self {
        self.jobs.push(job);
        self
    }

    /// The same with an annotation at a failing line, as problem matchers make them.
    #[must_use]
    pub fn remarked(mut self, path: &str, line: u64, message: &str) -> Self {
        let remark = (path.to_owned(), line, message.to_owned());
        self.jobs.iter_mut().for_each(|job| job.remarks.push(remark.clone()));
        self
    }

    /// The same with an artifact of these files: name and text.
    #[must_use]
    pub fn artifact(self, name: &str, files: &[(&str, &str)]) -> Self {
        self.archive(name, zipped(files))
    }

    /// The same with an artifact whose archive is these bytes.
    #[must_use]
    pub fn archive(mut self, name: &str, zip: Vec<u8>) -> Self {
        self.artifacts.push(ArtifactScript { name: name.into(), zip, is_expired: false });
        self
    }

    /// The same, after the retention of its artifacts.
    #[must_use]
    pub fn with_expired_artifacts(mut self) -> Self {
        self.artifacts.iter_mut().for_each(|artifact| artifact.is_expired = true);
        self
    }

    /// The same, with these bytes for the log of each job; where gzip made them, it is served packed.
    #[must_use]
    pub fn with_log_bytes(mut self, bytes: &[u8]) -> Self {
        self.jobs.iter_mut().for_each(|job| job.log = Some(bytes.to_vec()));
        self
    }

    /// The same, before its logs are uploaded.
    #[must_use]
    pub fn without_logs(mut self) -> Self {
        self.jobs.iter_mut().for_each(|job| job.log = None);
        self
    }

    /// The same, after the retention of its logs.
    #[must_use]
    pub fn with_expired_logs(mut self) -> Self {
        self.jobs.iter_mut().for_each(|job| job.is_log_expired = true);
        self
    }
}

impl JobScript {
    /// A job whose last failed (else last) step printed `output`.
    pub fn new(name: &str, conclusion: &str, steps: &[(&str, &str)], output: &str) -> Self {
        let log = framed(steps, output);
        let steps = steps.iter().map(|(name, end)| ((*name).into(), (*end).into())).collect();
        Self {
            name: name.into(),
            conclusion: conclusion.into(),
            steps,
            log: Some(log.into_bytes()),
            is_log_expired: false,
            remarks: Vec::new(),
        }
    }
}

/// The files as the archive that GitHub makes of an artifact.
fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        let begun = writer.start_file(*name, SimpleFileOptions::default());
        let written = begun.map_err(std::io::Error::other);
        written.and_then(|()| writer.write_all(text.as_bytes())).expect(IN_MEMORY);
    }
    writer.finish().expect(IN_MEMORY).into_inner()
}

const IN_MEMORY: &str = "invariant: a small archive in memory can be written";

/// When the lines of scripted logs were printed; nothing depends on it.
const LOG_MS: i64 = 1_767_225_600_000;

/// Output as the log of a job: byte order mark, time stamps, groups, and the runner's last word.
fn framed(steps: &[(&str, &str)], output: &str) -> String {
    let failing = steps.iter().find(|(_, end)| *end == "failure");
    let (name, end) = failing.or(steps.last()).copied().unwrap_or(("Run", "success"));
    let command = name.strip_prefix("Run ").unwrap_or(name);
    let mut lines = vec!["Current runner version: '2.330.0'".to_owned()];
    lines.push(format!("##[group]Run {command}"));
    lines.push(format!("\u{1b}[36;1m{command}\u{1b}[0m"));
    lines.push("shell: /usr/bin/bash -e {0}".into());
    lines.push("##[endgroup]".into());
    lines.extend(output.lines().map(str::to_owned));
    if end == "failure" {
        lines.push("##[error]Process completed with exit code 1.".into());
    }
    lines.push("Cleaning up orphan processes".into());
    stamped(&lines, LOG_MS)
}

/// Lines as GitHub keeps them: a byte order mark, and a time before each.
pub(crate) fn stamped(lines: &[String], from_ms: i64) -> String {
    let stamped = lines
        .iter()
        .zip(0..)
        .map(|(line, at)| format!("{} {line}\r\n", log_stamp(from_ms + at * 7)));
    format!("\u{feff}{}", stamped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_looks_like_githubs() {
        let script = RunScript::red("build", "Run cargo test", "error: no");
        let log = String::from_utf8(script.jobs[0].log.clone().unwrap()).unwrap();
        let lines: Vec<&str> = log.trim_start_matches('\u{feff}').lines().collect();
        assert!(log.starts_with('\u{feff}'));
        assert_eq!(lines[1], "2026-01-01T00:00:00.0070000Z ##[group]Run cargo test");
        assert_eq!(lines[5], "2026-01-01T00:00:00.0350000Z error: no");
        assert!(lines[6].ends_with("##[error]Process completed with exit code 1."));
    }
}
