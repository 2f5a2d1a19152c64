//! Reports: what a run itself says failed, in an artifact that `action/report` (or any step)
//! uploaded. The first source, because its structure survives where a log's lines do not.
//!
//! Whoever can change the code can write one, so it may claim failures, and of which job they are,
//! and nothing else: no command, no excerpt, no note is taken from it. One that cannot be read is a
//! note; the log is read all the same. A report speaks for the job that it names, by number or
//! name, in a file beside it or in the artifact's own name, else for the only one that failed.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::draft::Draft;
use crate::domain::failure::Failure;
use crate::domain::ids::{JobId, RunId};
use crate::domain::pull::{Artifact, FailedJob, Repo};
use crate::evidence::{self, Hints, Reading};
use crate::ports::forge::{Forge, ForgeError};
use crate::service::archive::{self, Refusal};
use crate::service::beside::beside;

/// What the name of an artifact with a report begins with.
const REPORT_PREFIX: &str = "selfheal-report";

/// Reports read of one run: as many as failed jobs are.
const REPORTS_MAX: usize = 10;

/// A packed report: some megabytes of XML shrink to far less.
const ARCHIVE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Adds what the reports of a run say; the jobs that they speak for, and need no other word.
pub(super) async fn read(
    forge: &dyn Forge,
    repo: &Repo,
    (run, name): (RunId, &str),
    jobs: &[FailedJob],
    draft: &mut Draft,
) -> Result<BTreeSet<JobId>, ForgeError> {
    let mut told = BTreeSet::new();
    let listed = match forge.artifacts(repo, run).await {
        Ok(listed) => listed,
        Err(error) => {
            passed_over(error, draft, &format!("{name}: artifacts"))?;
            return Ok(told);
        }
    };
    let reports = reports_among(listed, jobs);
    if reports.len() > REPORTS_MAX {
        let note = format!("{name}: {} reports were uploaded, {REPORTS_MAX} read", reports.len());
        draft.notes.push(note);
    }
    for artifact in reports.into_iter().take(REPORTS_MAX) {
        let source = format!("{name}: artifact {}", artifact.name);
        match report_in(forge, repo, &artifact).await {
            Ok(Ok(report)) if report.failures.is_empty() => {
                draft.notes.push(format!("{source} holds no report of a failure"));
            }
            Ok(Ok(mut report)) => {
                let job = report.job(&artifact.name, jobs);
                if let Some(job) = job {
                    report.is_of(&format!("{name} / {}", job.name));
                    told.insert(job.id);
                }
                draft.failures.extend(report.failures);
                draft.sources.push(match job {
                    Some(job) => format!("{name} / {}: artifact {}", job.name, artifact.name),
                    None => source,
                });
            }
            Ok(Err(why)) => draft.notes.push(format!("{source} was not read: {why}")),
            Err(error) => passed_over(error, draft, &source)?,
        }
    }
    Ok(told)
}

/// What an artifact tells of.
#[derive(Debug, Default)]
struct Report {
    failures: Vec<Failure>,
    mark: JobMark,
}

/// What a file says about the job that it is of; `action/report` writes one that says nothing else.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
struct JobMark {
    /// The job's number as a check run: `job.check_run_id` in a workflow.
    #[serde(default)]
    check_run_id: Option<u64>,
    /// Its name, or its id in the workflow file.
    #[serde(default)]
    job: Option<String>,
}

impl JobMark {
    fn of(file: &[u8]) -> Option<Self> {
        let mut mark: Self = serde_json::from_slice(file).ok()?;
        mark.job = mark.job.filter(|job| !job.is_empty());
        (mark != Self::default()).then_some(mark)
    }
}

impl Report {
    /// The failed job that it is of, when that is certain.
    fn job<'j>(&self, artifact: &str, jobs: &'j [FailedJob]) -> Option<&'j FailedJob> {
        if let Some(number) = self.mark.check_run_id {
            return jobs.iter().find(|job| job.check.get() == number);
        }
        if let Some(name) = &self.mark.job {
            return only(jobs, |job| is_named(&job.name, name));
        }
        let name = artifact.strip_prefix(REPORT_PREFIX).unwrap_or("").trim_start_matches('-');
        let is_called = |job: &FailedJob| !name.is_empty() && artifact_name(&job.name) == name;
        only(jobs, is_called).or_else(|| only(jobs, |_| true))
    }

    /// Says of which job its failures are, where they do not say it themselves.
    fn is_of(&mut self, job: &str) {
        for failure in &mut self.failures {
            failure.source.step.get_or_insert_with(|| job.to_owned());
        }
    }
}

/// The only job of which something is so.
fn only(jobs: &[FailedJob], is_so: impl Fn(&FailedJob) -> bool) -> Option<&FailedJob> {
    let mut found = jobs.iter().filter(|job| is_so(job));
    found.next().filter(|_| found.next().is_none())
}

/// Whether a job's full name is that name: its own, without the jobs that call it and without the
/// values of its matrix.
fn is_named(full: &str, name: &str) -> bool {
    let own = full.rsplit_once(" / ").map_or(full, |(_, own)| own);
    let without_matrix = own.split_once(" (").map_or(own, |(own, _)| own);
    [full, own, without_matrix].contains(&name)
}

/// A job's name as the name of an artifact can hold it.
fn artifact_name(job: &str) -> String {
    let is_kept = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    job.chars().map(|c| if is_kept(c) { c } else { '-' }).collect()
}

/// A source that cannot be had is a note; but a limit is waited for, because it holds for the
/// other sources, too.
fn passed_over(error: ForgeError, draft: &mut Draft, source: &str) -> Result<(), ForgeError> {
    match error {
        ForgeError::RateLimited { .. } => Err(error),
        error => {
            draft.notes.push(format!("{source} could not be had: {error}"));
            Ok(())
        }
    }
}

/// The reports of this attempt: none that an earlier one has left, and of each name the newest.
fn reports_among(listed: Vec<Artifact>, jobs: &[FailedJob]) -> Vec<Artifact> {
    let began = jobs.iter().filter_map(|job| job.started_at).min();
    let is_of_this_attempt = |artifact: &Artifact| match (artifact.created_at, began) {
        (Some(created), Some(began)) => created >= began,
        (None, _) | (_, None) => true,
    };
    let mut reports: Vec<Artifact> = listed
        .into_iter()
        .filter(|artifact| artifact.name.starts_with(REPORT_PREFIX))
        .filter(is_of_this_attempt)
        .collect();
    reports.sort_by(|a, b| (&a.name, b.id).cmp(&(&b.name, a.id)));
    reports.dedup_by(|later, kept| later.name == kept.name);
    reports
}

/// What an artifact tells of, or why it is not read.
async fn report_in(
    forge: &dyn Forge,
    repo: &Repo,
    artifact: &Artifact,
) -> Result<Result<Report, String>, ForgeError> {
    let too_large = || Ok(Err(format!("it is larger than {ARCHIVE_BYTES_MAX} bytes")));
    if artifact.is_expired {
        return Ok(Err("it has expired".to_owned()));
    }
    if artifact.bytes > ARCHIVE_BYTES_MAX as u64 {
        return too_large();
    }
    let Some(zip) = forge.archive(repo, artifact.id, ARCHIVE_BYTES_MAX).await? else {
        return too_large();
    };
    Ok(beside(move || report_of(&zip)).await.map_err(|refusal| refusal.to_string()))
}

/// What an archive tells of.
fn report_of(zip: &[u8]) -> Result<Report, Refusal> {
    let files = archive::files(zip)?;
    let hints = Hints::default();
    let readings = files.iter().filter_map(|bytes| reading_of(bytes, &hints));
    let failures = readings.flat_map(|reading| reading.failures).collect();
    let mark = files.iter().find_map(|bytes| JobMark::of(bytes)).unwrap_or_default();
    Ok(Report { failures, mark })
}

/// A file of a report as the evidence reader understands it; `None` when it is none.
fn reading_of(bytes: &[u8], hints: &Hints<'_>) -> Option<Reading> {
    evidence::read_report(bytes, hints).filter(|reading| !reading.failures.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ArtifactId, CheckRunId, Timestamp};

    fn artifact(id: u64, name: &str, created_ms: i64) -> Artifact {
        Artifact {
            id: ArtifactId::new(id),
            name: name.to_owned(),
            bytes: 1,
            created_at: Some(Timestamp::from_millis(created_ms)),
            is_expired: false,
        }
    }

    fn job(number: u64, name: &str, began_ms: i64) -> FailedJob {
        FailedJob {
            id: JobId::new(number),
            name: name.to_owned(),
            failed_steps: Vec::new(),
            check: CheckRunId::new(number + 100),
            started_at: Some(Timestamp::from_millis(began_ms)),
            url: None,
        }
    }

    #[track_caller]
    fn check(listed: &[Artifact], began_ms: i64, expected: &[u64]) {
        let reports = reports_among(listed.to_vec(), &[job(1, "test", began_ms)]);
        let ids: Vec<u64> = reports.iter().map(|one| one.id.get()).collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn reports_are_known_by_their_name_and_belong_to_the_attempt_that_failed() {
        let one = artifact(1, "selfheal-report-test", 50);
        let again = artifact(2, "selfheal-report-test", 60);
        let other = artifact(3, "selfheal-report", 50);
        let foreign = artifact(4, "coverage", 50);
        let all = [one, again, other, foreign];
        check(&all, 10, &[3, 2]);
        check(&all, 55, &[2]);
        check(&all, 70, &[]);
    }
    /// Which of the failed jobs, counted from 1, a report of that artifact with that mark is of.
    #[track_caller]
    fn of(names: &[&str], artifact: &str, mark: &str, expected: Option<u64>) {
        let jobs: Vec<FailedJob> =
            names.iter().zip(1..).map(|(name, number)| job(number, name, 0)).collect();
        let mark = JobMark::of(mark.as_bytes()).unwrap_or_default();
        let report = Report { mark, ..Report::default() };
        let got = report.job(artifact, &jobs).map(|job| job.id.get());
        assert_eq!(got, expected, "{names:?} {artifact} {:?}", report.mark);
    }

    #[test]
    fn a_report_is_of_the_job_that_it_names_else_of_the_only_one_that_failed() {
        let two = &["lint", "ci / test (linux, 1.95)"];
        let any = "selfheal-report";
        of(two, any, r#"{"check_run_id": 102, "job": "lint"}"#, Some(2));
        of(two, any, r#"{"check_run_id": 7, "job": "lint"}"#, None);
        of(two, any, r#"{"job": "lint", "failures": []}"#, Some(1));
        for name in ["ci / test (linux, 1.95)", "test (linux, 1.95)", "test"] {
            of(two, any, &format!(r#"{{"job": "{name}"}}"#), Some(2));
        }
        of(two, any, r#"{"job": "docs"}"#, None);
        of(&["test (a)", "test (b)"], any, r#"{"job": "test"}"#, None);
        of(two, "selfheal-report-lint", "", Some(1));
        of(two, "selfheal-report-ci---test--linux--1.95-", "", Some(2));
        of(two, any, "", None);
        of(two, any, r#"{"job": 3}"#, None);
        of(&["lint"], any, r#"{"job": "", "check_run_id": null}"#, Some(1));
        of(&["lint"], any, "", Some(1));
        of(&["lint"], "selfheal-report-test", "{}", Some(1));
        of(&["lint"], any, r#"{"check_run_id": 7}"#, None);
    }
}
