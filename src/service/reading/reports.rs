//! Reports: what a run itself says failed, in an artifact that `action/report` (or any step)
//! uploaded. The first source, because its structure survives where a log's lines do not.
//!
//! Whoever can change the code can write one, so it may claim failures and nothing else: no
//! command, no excerpt, no note is taken from it. One that cannot be read is a note; the log is
//! read all the same.

use super::archive;
use super::draft::Draft;
use crate::domain::failure::Failure;
use crate::domain::ids::RunId;
use crate::domain::pull::{Artifact, FailedJob, Repo};
use crate::evidence::{self, Hints, Reading};
use crate::ports::forge::{Forge, ForgeError};

/// What the name of an artifact with a report begins with.
const REPORT_PREFIX: &str = "selfheal-report";

/// Reports read of one run: as many as failed jobs are.
const REPORTS_MAX: usize = 10;

/// A packed report: some megabytes of XML shrink to far less.
const ARCHIVE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Adds what the reports of a run say; whether they said anything.
pub(super) async fn read(
    forge: &dyn Forge,
    repo: &Repo,
    (run, name): (RunId, &str),
    jobs: &[FailedJob],
    draft: &mut Draft,
) -> Result<Told, ForgeError> {
    let listed = match forge.artifacts(repo, run).await {
        Ok(listed) => listed,
        Err(error) => return passed_over(error, draft, &format!("{name}: artifacts")),
    };
    let mut told = Told::Nothing;
    let reports = reports_among(listed, jobs);
    if reports.len() > REPORTS_MAX {
        let note = format!("{name}: {} reports were uploaded, {REPORTS_MAX} read", reports.len());
        draft.notes.push(note);
    }
    for artifact in reports.into_iter().take(REPORTS_MAX) {
        let source = format!("{name}: artifact {}", artifact.name);
        match failures_in(forge, repo, &artifact).await {
            Ok(Ok(failures)) if failures.is_empty() => {
                draft.notes.push(format!("{source} holds no report of a failure"));
            }
            Ok(Ok(failures)) => {
                draft.failures.extend(failures);
                draft.sources.push(source);
                told = Told::Failures;
            }
            Ok(Err(why)) => draft.notes.push(format!("{source} was not read: {why}")),
            Err(error) => drop(passed_over(error, draft, &source)?),
        }
    }
    Ok(told)
}

/// Whether the reports of a run said anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// What failed.
    Failures,
    /// Nothing that could be read.
    Nothing,
}

/// A source that cannot be had is a note; but a limit is waited for, because it holds for the
/// other sources, too.
fn passed_over(error: ForgeError, draft: &mut Draft, source: &str) -> Result<Told, ForgeError> {
    match error {
        ForgeError::RateLimited { .. } => Err(error),
        error => {
            draft.notes.push(format!("{source} could not be had: {error}"));
            Ok(Told::Nothing)
        }
    }
}

/// The reports of this attempt: not those that an earlier one has left, and of each name the newest.
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

/// The failures that an artifact tells of, or why it is not read.
async fn failures_in(
    forge: &dyn Forge,
    repo: &Repo,
    artifact: &Artifact,
) -> Result<Result<Vec<Failure>, String>, ForgeError> {
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
    let files = match archive::files(&zip) {
        Ok(files) => files,
        Err(refusal) => return Ok(Err(refusal.to_string())),
    };
    let hints = Hints::default();
    let readings = files.iter().filter_map(|bytes| reading_of(bytes, &hints));
    Ok(Ok(readings.flat_map(|reading| reading.failures).collect()))
}

/// A file of a report as the evidence reader understands it; `None` when it is none.
fn reading_of(bytes: &[u8], hints: &Hints<'_>) -> Option<Reading> {
    evidence::read_report(bytes, hints).filter(|reading| !reading.failures.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ArtifactId, CheckRunId, JobId, Timestamp};

    fn artifact(id: u64, name: &str, created_ms: i64) -> Artifact {
        Artifact {
            id: ArtifactId::new(id),
            name: name.to_owned(),
            bytes: 1,
            created_at: Some(Timestamp::from_millis(created_ms)),
            is_expired: false,
        }
    }

    #[track_caller]
    fn check(listed: &[Artifact], began_ms: i64, expected: &[u64]) {
        let job = FailedJob {
            id: JobId::new(1),
            name: "test".to_owned(),
            failed_steps: Vec::new(),
            check: CheckRunId::new(1),
            started_at: Some(Timestamp::from_millis(began_ms)),
            url: None,
        };
        let reports = reports_among(listed.to_vec(), &[job]);
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
}
