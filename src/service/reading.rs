//! Reading: failed runs of a head become evidence.
//!
//! Only failed jobs are read. Of a run, its own reports are asked first ([`reports`]), then each
//! failed job's annotations, then its log, read by `evidence` with the help of the repository's own
//! problem matchers ([`matchers`]); how these count is [`draft`]'s business, and whether the head
//! has such a place [`placing`]'s. A report says what failed, but the lines that matter and the
//! commands that a proof starts from come from the log alone. What could not be read is said in a
//! note and never taken for "nothing failed"; everything that was read is named. All of it is
//! hostile text: it is cut here and redacted in `evidence`.

mod draft;
mod matchers;
mod placing;
mod reports;

use std::sync::Arc;

use self::draft::{Draft, Remarks, is_certain, remarks};
use self::matchers::Own;
use super::beside::beside_if_long;
use super::{ServiceError, Services};
use crate::domain::chain::Chain;
use crate::domain::evidence::Evidence;
use crate::domain::failure::Failure;
use crate::domain::ids::{CheckRunId, RunId, Timestamp};
use crate::domain::policy::Policy;
use crate::domain::pull::{CiRun, FailedJob, Pull, Repo};
use crate::evidence::{self, Hints, Matcher, Reading};
use crate::ports::forge::{ForgeError, JobLog, JobNames, LogEnd};
use crate::ports::logs::{Kept, LogOf, NewLog};

/// A job's log past this is cut in the middle: its head and its end tell what happened.
const LOG_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Jobs read of one run: a matrix of more legs than this fails everywhere for the same reason.
const JOBS_MAX: usize = 10;

/// A green log past this is cut in the middle: it is there to be compared with, and no more.
const GREEN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Green logs asked for in one reading, at three requests each; jobs fail together.
const GREENS_MAX: usize = 2;

/// Logs lag behind the end of a job; this long we wait for one.
const LOG_LAG_MS_MAX: i64 = 3 * 60 * 1000;

/// How soon we ask again for a log that is not there yet.
const LOG_AGAIN_MS: i64 = 15 * 1000;

/// What reading yields.
#[derive(Debug)]
pub(super) enum Read {
    /// The evidence.
    Evidence(Box<Evidence>),
    /// A log is not there yet; ask again then.
    NotYet(Timestamp),
}

/// What is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A case: its logs are kept for a while.
    Case {
        /// Since when it waits to be read.
        since: Timestamp,
    },
    /// A question; nothing is kept.
    Simulation,
}

/// A log is not there yet.
#[derive(Debug)]
struct NotYet;

/// Whether a log that is not there yet is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    Left,
    Over,
}

/// Reads what failed on the head of a pull request.
pub(super) async fn read(
    services: &Services,
    (pull, policy): (&Pull, &Policy),
    red: &[CiRun],
    purpose: Purpose,
) -> Result<Read, ServiceError> {
    let now = services.clock.now();
    let patience = match purpose {
        Purpose::Case { since } if now.since_ms(since) > LOG_LAG_MS_MAX => Patience::Over,
        Purpose::Case { .. } | Purpose::Simulation => Patience::Left,
    };
    let mut reader = Reader {
        services,
        pull,
        repo: &pull.repo,
        policy,
        purpose,
        patience,
        own: None,
        greens_left: GREENS_MAX,
        draft: Draft::default(),
    };
    for run in red {
        match run {
            CiRun::Workflow { run, attempt, name } => {
                if let Err(NotYet) = reader.workflow((*run, *attempt), name).await? {
                    return Ok(Read::NotYet(now.plus_ms(LOG_AGAIN_MS)));
                }
            }
            CiRun::Check { check, name, app } => {
                reader.foreign_check(*check, &format!("{app} / {name}")).await?;
            }
            CiRun::Status { context, .. } => {
                let note = format!("the status {context} has no log that can be read");
                reader.draft.notes.push(note);
            }
        }
    }
    let mut draft = reader.draft;
    placing::hold(services.forge.as_ref(), pull, &mut draft).await?;
    let changed_files = services.forge.changed_files(&pull.repo, pull.number).await?;
    let read = Evidence { runs: red.to_vec(), ..draft.finished(pull, changed_files) };
    Ok(Read::Evidence(Box::new(read)))
}

/// One reading of all that failed.
struct Reader<'a> {
    services: &'a Services,
    pull: &'a Pull,
    repo: &'a Repo,
    policy: &'a Policy,
    purpose: Purpose,
    patience: Patience,
    /// The repository's own problem matchers; fetched for the first log.
    own: Option<Own>,
    /// Green logs that may still be asked for.
    greens_left: usize,
    draft: Draft,
}

impl Reader<'_> {
    async fn workflow(
        &mut self,
        (run, attempt): (RunId, u32),
        name: &str,
    ) -> Result<Result<(), NotYet>, ServiceError> {
        let forge = self.services.forge.as_ref();
        let jobs = forge.failed_jobs(self.repo, run, attempt).await?;
        if jobs.is_empty() {
            self.draft.failures.push(Failure::of_run_without_jobs(name));
        }
        if jobs.len() > JOBS_MAX {
            let note = format!("{name}: {} jobs failed, {JOBS_MAX} read", jobs.len());
            self.draft.notes.push(note);
        }
        let told = reports::read(forge, self.repo, (run, name), &jobs, &mut self.draft).await?;
        for job in jobs.iter().take(JOBS_MAX) {
            let is_told = told.contains(&job.id);
            let wanted = if is_told { Wanted::Surroundings } else { Wanted::Failures };
            let place = Place { workflow: name, run, attempt };
            if let Err(NotYet) = self.job(job, place, wanted).await? {
                return Ok(Err(NotYet));
            }
        }
        Ok(Ok(()))
    }

    async fn job(
        &mut self,
        job: &FailedJob,
        place: Place<'_>,
        wanted: Wanted,
    ) -> Result<Result<(), NotYet>, ServiceError> {
        let name = place.name_of(job);
        let remarked = match wanted {
            Wanted::Failures => self.annotations(job.check, &name).await?,
            Wanted::Surroundings => Vec::new(),
        };
        let logged = match self.log(job, place, wanted).await? {
            Ok(logged) => logged,
            Err(NotYet) => return Ok(Err(NotYet)),
        };
        let seen = |failures: Vec<Failure>| seen_in(&name, failures);
        if wanted == Wanted::Failures
            && self.draft.add_failures(seen(logged), seen(remarked)) == Remarks::News
        {
            self.draft.sources.push(format!("{name}: annotations"));
        }
        Ok(Ok(()))
    }

    /// The failures in a job's log; none where there is no log any more.
    async fn log(
        &mut self,
        job: &FailedJob,
        place: Place<'_>,
        wanted: Wanted,
    ) -> Result<Result<Vec<Failure>, NotYet>, ServiceError> {
        let source = format!("{}: log", place.name_of(job));
        match self.services.forge.job_log(self.repo, job, LOG_BYTES_MAX).await {
            Ok(log) => {
                if log.omitted > 0 {
                    self.draft.notes.push(format!(
                        "{source}: {} bytes in its middle were left out",
                        log.omitted
                    ));
                }
                if log.end == LogEnd::TooFar {
                    self.draft.notes.push(format!("{source}: its end was too far away to be read"));
                }
                let own = self.own().await?;
                let matchers = own.of_log(&source, log.bytes.len(), &mut self.draft);
                let steps = job.failed_steps.clone();
                let log = Arc::new(log.bytes);
                let mut reading = understood(&log, &steps, &matchers, None).await;
                if wanted == Wanted::Failures
                    && !is_certain(&reading.failures)
                    && let Some(green) = self.green(job, place).await
                {
                    reading = understood(&log, &steps, &matchers, Some(green)).await;
                }
                self.draft.add_log(&source, &reading);
                self.draft.sources.push(source);
                self.keep(job, place, log).await;
                return Ok(Ok(reading.failures));
            }
            Err(ForgeError::NotFound(_)) if self.patience == Patience::Left => {
                return Ok(Err(NotYet));
            }
            Err(ForgeError::NotFound(_)) => {
                self.draft.notes.push(format!("{source} did not become available"));
            }
            Err(ForgeError::Expired(_)) => self.draft.notes.push(format!("{source} has expired")),
            Err(error) => return Err(error.into()),
        }
        Ok(Ok(Vec::new()))
    }

    /// The repository's own problem matchers.
    async fn own(&mut self) -> Result<Own, ServiceError> {
        if let Some(own) = &self.own {
            return Ok(own.clone());
        }
        let forge = self.services.forge.as_ref();
        let of = (self.pull, self.policy.matchers.as_slice());
        let own = Own::of_base(forge, of, &mut self.draft).await?;
        Ok(self.own.insert(own).clone())
    }

    /// The log of the same job when it was last green on the base branch, for a log that tells no
    /// certain cause. It is worth a few requests, and nothing when it cannot be had.
    async fn green(&mut self, job: &FailedJob, place: Place<'_>) -> Option<JobLog> {
        self.greens_left = self.greens_left.checked_sub(1)?;
        let names = JobNames { workflow: place.workflow, job: &job.name };
        let base = &self.pull.base;
        let forge = &self.services.forge;
        match forge.green_log(self.repo, base, names, GREEN_BYTES_MAX).await {
            Ok(Some(log)) => {
                let name = place.name_of(job);
                self.draft.sources.push(format!("{name}: log of the last green run on {base}"));
                Some(log)
            }
            Ok(None) => None,
            Err(error) => {
                tracing::info!(job.id = %job.id, %error, "there is no green log to compare with");
                None
            }
        }
    }

    /// Keeps a log for people, without what looks like a secret; nothing depends on it.
    async fn keep(&self, job: &FailedJob, place: Place<'_>, log: Arc<Vec<u8>>) {
        if self.purpose == Purpose::Simulation {
            return;
        }
        let Place { run, attempt, .. } = place;
        let (job, name, bytes) = (job.id, place.name_of(job), log.len());
        let redacted = move || evidence::redact(&String::from_utf8_lossy(&log), &[]);
        let text = beside_if_long(bytes, redacted).await;
        let log = NewLog {
            repo: self.repo.id,
            number: self.pull.number,
            of: LogOf { job, name, run, attempt },
            text: text.into(),
            now: self.services.clock.now(),
        };
        match self.services.logs.keep_log(log).await {
            Ok(Kept::Yes) => {}
            Ok(Kept::TooLarge) => tracing::info!(job.id = %job, "the log is too large to keep"),
            Err(error) => {
                let error = Chain(&error);
                tracing::warn!(job.id = %job, %error, "the log could not be kept");
            }
        }
    }

    /// What the annotations of a check run say; none where they cannot be had.
    async fn annotations(
        &mut self,
        check: CheckRunId,
        name: &str,
    ) -> Result<Vec<Failure>, ServiceError> {
        match self.services.forge.annotations(self.repo, check).await {
            Ok(annotations) => Ok(remarks(&annotations, name)),
            Err(error @ ForgeError::RateLimited { .. }) => Err(error.into()),
            Err(error) => {
                self.draft.notes.push(format!("{name}: annotations could not be had: {error}"));
                Ok(Vec::new())
            }
        }
    }

    /// The check run of another CI system: its annotations, else its own words, are all that can
    /// be read.
    async fn foreign_check(&mut self, check: CheckRunId, name: &str) -> Result<(), ServiceError> {
        let annotations = self.services.forge.annotations(self.repo, check).await?;
        let remarks = remarks(&annotations, name);
        if self.draft.add_failures(Vec::new(), remarks) == Remarks::News {
            self.draft.sources.push(format!("{name}: annotations"));
            return Ok(());
        }
        let output = self.services.forge.check_output(self.repo, check).await?;
        let reading = evidence::read(output.as_bytes(), &Hints::default());
        let source = format!("{name}: output");
        if reading.failures.is_empty() {
            self.draft.notes.push(format!("{name} says nothing about what failed"));
            return Ok(());
        }
        self.draft.add_excerpt(&source, &reading);
        self.draft.add_failures(seen_in(name, reading.failures), Vec::new());
        self.draft.sources.push(source);
        Ok(())
    }
}

/// Failures that were seen in a job, or in another App's check run.
fn seen_in(name: &str, mut failures: Vec<Failure>) -> Vec<Failure> {
    for failure in &mut failures {
        failure.source.jobs = vec![name.to_owned()];
    }
    failures
}

/// A log, read.
async fn understood(
    log: &Arc<Vec<u8>>,
    failed_steps: &[String],
    matchers: &Arc<[Matcher]>,
    green: Option<JobLog>,
) -> Reading {
    let (log, matchers) = (Arc::clone(log), Arc::clone(matchers));
    let failed_steps = failed_steps.to_vec();
    let bytes = log.len() + green.as_ref().map_or(0, |green| green.bytes.len());
    beside_if_long(bytes, move || {
        let green = green.as_ref().map(|green| green.bytes.as_slice());
        let hints = Hints { failed_steps, matchers: &matchers, green, ..Hints::default() };
        evidence::read(&log, &hints)
    })
    .await
}

/// What is wanted of a job's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Everything.
    Failures,
    /// The lines that matter and the commands; what failed is known from a report.
    Surroundings,
}

/// The run that a job is of.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    workflow: &'a str,
    run: RunId,
    attempt: u32,
}

impl Place<'_> {
    /// What people call a job.
    fn name_of(&self, job: &FailedJob) -> String {
        format!("{} / {}", self.workflow, job.name)
    }
}
