//! Reading: failed runs of a head become evidence.
//!
//! Order of sources: the failed jobs' logs, read by `evidence`; where a run has none that we can
//! reach, the annotations of its check run. What could not be read is said in a note and never
//! taken for "nothing failed". Logs are hostile text; they are cut here and redacted there.

use super::{ServiceError, Services};
use crate::domain::evidence::Evidence;
use crate::domain::failure::{FAILURES_MAX, Failure, FailureKind, Source};
use crate::domain::ids::{RepoPath, RunId, Timestamp};
use crate::domain::pull::{CiAnnotation, CiRun, FailedJob, Pull, Repo};
use crate::evidence::{self, Hints};
use crate::ports::forge::ForgeError;

/// A job's log past this is cut in the middle: its head and its end tell what happened.
const LOG_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Jobs read of one run: a matrix of more legs than this fails everywhere for the same reason.
const JOBS_MAX: usize = 10;

/// The lines that matter, of all jobs together: what a check run can show and a prompt can carry.
const EXCERPT_BYTES_MAX: usize = 24 * 1024;

/// Logs lag behind the end of a job; this long we wait for one.
const LOG_LAG_MS_MAX: i64 = 3 * 60 * 1000;

/// How soon we ask again for a log that is not there yet.
const LOG_AGAIN_MS: i64 = 15 * 1000;

/// Commands that a proof starts from; a run with more failing steps shares its root cause.
const COMMANDS_MAX: usize = 5;

/// What reading yields.
#[derive(Debug)]
pub(super) enum Read {
    /// The evidence.
    Evidence(Evidence),
    /// A log is not there yet; ask again then.
    NotYet(Timestamp),
}

/// What was read so far.
#[derive(Debug, Default)]
struct Draft {
    failures: Vec<Failure>,
    excerpt: String,
    commands: Vec<String>,
    sources: Vec<String>,
    notes: Vec<String>,
}

/// A log is not there yet.
#[derive(Debug)]
struct NotYet;

/// Reads what failed on the head of a pull request.
pub(super) async fn read(
    services: &Services,
    pull: &Pull,
    red: &[CiRun],
    since: Timestamp,
    now: Timestamp,
) -> Result<Read, ServiceError> {
    let patience_over = now.since_ms(since) > LOG_LAG_MS_MAX;
    let mut draft = Draft::default();
    for run in red {
        let read = match run {
            CiRun::Workflow { run: id, attempt, name } => {
                let run = WorkflowRun { id: *id, attempt: *attempt, name };
                workflow(services, &pull.repo, &run, &mut draft).await?
            }
            CiRun::Check { name, app, .. } => {
                let annotations = services.forge.annotations(&pull.repo, run).await?;
                from_annotations(&mut draft, &format!("{app} / {name}"), &annotations);
                Ok(())
            }
            CiRun::Status { context, .. } => {
                draft.notes.push(format!("the status {context} has no log that can be read"));
                Ok(())
            }
        };
        if let Err(NotYet) = read {
            if !patience_over {
                return Ok(Read::NotYet(now.plus_ms(LOG_AGAIN_MS)));
            }
            draft.notes.push(format!("the log of {} did not become available", run.name()));
        }
    }
    let changed_files = services.forge.changed_files(&pull.repo, pull.number).await?;
    let read = Evidence { runs: red.to_vec(), ..finished(draft, pull, changed_files) };
    Ok(Read::Evidence(read))
}

fn finished(mut draft: Draft, pull: &Pull, changed_files: Vec<RepoPath>) -> Evidence {
    let mut seen = Vec::new();
    draft.failures.retain(|failure| {
        let key = (failure.fingerprint(), failure.line);
        let new = !seen.contains(&key);
        if new {
            seen.push(key);
        }
        new
    });
    draft.failures.truncate(FAILURES_MAX);
    draft.commands.dedup();
    draft.commands.truncate(COMMANDS_MAX);
    Evidence {
        head: pull.head.sha.clone(),
        runs: Vec::new(),
        failures: draft.failures,
        excerpt: draft.excerpt,
        commands: draft.commands,
        sources: draft.sources,
        notes: draft.notes,
        changed_files,
    }
}

struct WorkflowRun<'a> {
    id: RunId,
    attempt: u32,
    name: &'a str,
}

async fn workflow(
    services: &Services,
    repo: &Repo,
    run: &WorkflowRun<'_>,
    draft: &mut Draft,
) -> Result<Result<(), NotYet>, ServiceError> {
    let jobs = services.forge.failed_jobs(repo, run.id, run.attempt).await?;
    if jobs.is_empty() {
        draft.notes.push(format!(
            "{}: the run failed without a failed job; its workflow file may be wrong",
            run.name
        ));
    }
    if jobs.len() > JOBS_MAX {
        draft.notes.push(format!("{}: {} jobs failed, {JOBS_MAX} read", run.name, jobs.len()));
    }
    for job in jobs.iter().take(JOBS_MAX) {
        let source = format!("{} / {}: log", run.name, job.name);
        match services.forge.job_log(repo, job, LOG_BYTES_MAX).await {
            Ok(log) => {
                if log.omitted > 0 {
                    draft.notes.push(format!("{source}: {} bytes left out", log.omitted));
                }
                from_log(draft, job, &log.bytes);
                draft.sources.push(source);
            }
            Err(ForgeError::NotFound(_)) => return Ok(Err(NotYet)),
            Err(ForgeError::Expired(_)) => draft.notes.push(format!("{source} has expired")),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Ok(()))
}

fn from_log(draft: &mut Draft, job: &FailedJob, log: &[u8]) {
    let hints = Hints { failed_steps: job.failed_steps.clone(), ..Hints::default() };
    let reading = evidence::read(log, &hints);
    let budget = EXCERPT_BYTES_MAX.saturating_sub(draft.excerpt.len());
    if budget > 0 {
        if !draft.excerpt.is_empty() {
            draft.excerpt.push('\n');
        }
        draft.excerpt.push_str(&reading.excerpt(budget));
    }
    draft.failures.extend(reading.failures);
    draft.notes.extend(reading.notes);
    for command in reading.commands {
        if !draft.commands.contains(&command) {
            draft.commands.push(command);
        }
    }
}

fn from_annotations(draft: &mut Draft, source: &str, annotations: &[CiAnnotation]) {
    let failures = annotations.iter().filter(|annotation| annotation.level == "failure");
    let before = draft.failures.len();
    draft.failures.extend(failures.map(|annotation| {
        let message = evidence::redact(&annotation.message, &[]);
        let mut failure = Failure::new(FailureKind::Unknown, message);
        failure.file = RepoPath::parse(&annotation.path).ok();
        failure.line = Some(annotation.start_line).filter(|line| *line > 0);
        failure.source = Source { step: Some(source.to_owned()), ..Source::default() };
        failure
    }));
    if draft.failures.len() == before {
        draft.notes.push(format!("{source} says nothing about what failed"));
    } else {
        draft.sources.push(format!("{source}: annotations"));
    }
}
