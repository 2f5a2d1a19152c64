//! How CI stands: workflow runs, other Apps' check runs and classic statuses of one commit.
//!
//! GitHub Actions shows each job as a check run too; those are left to the workflow runs, which
//! know attempts and logs. Our own check run, and runs of the workflow in which attempts run, are
//! not CI. Unknown words of GitHub's count as "not ended" or "not failed", never as red.

use serde::Deserialize;

use super::super::GithubForge;
use super::super::types::{
    AnnotationJson, CheckRunJson, CombinedJson, JobJson, WorkflowRunJson, moment,
};
use super::segment;
use crate::domain::ids::{Branch, CheckRunId, JobId, RunId, Sha};
use crate::domain::pull::{Ci, CiAnnotation, CiRun, FailedJob, Repo};
use crate::ports::forge::{ForgeError, JobNames, RunState};

/// How one thing that ran has ended, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Running,
    Green,
    Red,
    NeedsApproval,
    Cancelled,
}

fn end_of(status: &str, conclusion: Option<&str>) -> End {
    match (status, conclusion) {
        (_, Some("action_required")) | ("waiting" | "action_required", _) => End::NeedsApproval,
        ("completed", Some("failure" | "timed_out" | "startup_failure")) => End::Red,
        ("completed", Some("cancelled" | "stale")) => End::Cancelled,
        ("completed", Some(_)) => End::Green,
        _ => End::Running,
    }
}

impl GithubForge {
    pub(super) async fn ci_of(
        &self,
        repo: &Repo,
        sha: &Sha,
        own_workflow: &str,
    ) -> Result<Ci, ForgeError> {
        let mut seen = self.workflow_runs(repo, sha, own_workflow).await?;
        seen.extend(self.foreign_checks(repo, sha).await?);
        seen.extend(self.statuses(repo, sha).await?);
        Ok(summed_up(&seen))
    }

    async fn workflow_runs(
        &self,
        repo: &Repo,
        sha: &Sha,
        own_workflow: &str,
    ) -> Result<Vec<(CiRun, End)>, ForgeError> {
        let path = format!("/actions/runs?head_sha={sha}");
        let runs: Vec<WorkflowRunJson> =
            self.client.pages(repo, &path, Some("workflow_runs")).await?;
        let mut latest: Vec<WorkflowRunJson> = Vec::new();
        for run in runs {
            if run.path.split('@').next() == Some(own_workflow) {
                continue;
            }
            // Of several runs of one workflow for one event the newest one counts.
            let same = |known: &WorkflowRunJson| {
                known.workflow_id.is_some()
                    && known.workflow_id == run.workflow_id
                    && known.event == run.event
            };
            match latest.iter().position(same) {
                Some(at) if latest[at].run_number < run.run_number => latest[at] = run,
                Some(_) => {}
                None => latest.push(run),
            }
        }
        Ok(latest
            .into_iter()
            .map(|run| {
                let status = run.status.as_deref().unwrap_or("");
                let end = end_of(status, run.conclusion.as_deref());
                let seen = CiRun::Workflow {
                    run: RunId::new(run.id),
                    attempt: run.run_attempt.unwrap_or(1),
                    name: run.name.unwrap_or(run.path),
                };
                (seen, end)
            })
            .collect())
    }

    async fn foreign_checks(
        &self,
        repo: &Repo,
        sha: &Sha,
    ) -> Result<Vec<(CiRun, End)>, ForgeError> {
        let path = format!("/commits/{sha}/check-runs?filter=latest");
        let checks: Vec<CheckRunJson> = self.client.pages(repo, &path, Some("check_runs")).await?;
        let ours = self.client.app_id();
        Ok(checks
            .into_iter()
            .filter_map(|check| {
                let app = check.app.as_ref()?;
                let slug = app.slug.clone().unwrap_or_default();
                if app.id == Some(ours) || slug == "github-actions" {
                    return None;
                }
                let end = end_of(&check.status, check.conclusion.as_deref());
                let run =
                    CiRun::Check { check: CheckRunId::new(check.id), name: check.name, app: slug };
                Some((run, end))
            })
            .collect())
    }

    async fn statuses(&self, repo: &Repo, sha: &Sha) -> Result<Vec<(CiRun, End)>, ForgeError> {
        let combined: CombinedJson =
            self.client.get(repo, &format!("/commits/{sha}/status?per_page=100")).await?;
        Ok(combined
            .statuses
            .into_iter()
            .map(|status| {
                let end = match status.state.as_str() {
                    "success" => End::Green,
                    "failure" | "error" => End::Red,
                    _ => End::Running,
                };
                (CiRun::Status { context: status.context, url: status.target_url }, end)
            })
            .collect())
    }

    pub(super) async fn jobs_that_failed(
        &self,
        repo: &Repo,
        run: RunId,
        attempt: u32,
    ) -> Result<Vec<FailedJob>, ForgeError> {
        let path = format!("/actions/runs/{run}/attempts/{attempt}/jobs");
        let jobs: Vec<JobJson> = self.client.pages(repo, &path, Some("jobs")).await?;
        let failed = |conclusion: Option<&str>| matches!(conclusion, Some("failure" | "timed_out"));
        // A run may be red of jobs alone that were stopped: they ran longer than they may.
        let stopped =
            |conclusion: Option<&str>| matches!(conclusion, Some("cancelled" | "startup_failure"));
        let any_failed = jobs.iter().any(|job| failed(job.conclusion.as_deref()));
        let is_wanted = if any_failed { failed } else { stopped };
        Ok(jobs
            .into_iter()
            .filter(|job| is_wanted(job.conclusion.as_deref()))
            .map(|job| FailedJob {
                id: JobId::new(job.id),
                name: job.name,
                failed_steps: job
                    .steps
                    .into_iter()
                    .filter(|step| failed(step.conclusion.as_deref()))
                    .map(|step| step.name)
                    .collect(),
                check: check_of(job.check_run_url.as_deref()).unwrap_or(CheckRunId::new(job.id)),
                started_at: job.started_at.as_deref().and_then(|text| moment(text).ok()),
                url: job.html_url,
            })
            .collect())
    }

    /// The job of that name in the newest green run of its workflow on a branch.
    pub(super) async fn green_job(
        &self,
        repo: &Repo,
        branch: &Branch,
        names: JobNames<'_>,
    ) -> Result<Option<JobId>, ForgeError> {
        #[derive(Deserialize)]
        struct Runs {
            #[serde(default)]
            workflow_runs: Vec<WorkflowRunJson>,
        }
        let branch = segment(branch.as_str());
        let path = format!("/actions/runs?branch={branch}&status=success&per_page=50");
        let listed: Runs = self.client.get(repo, &path).await?;
        // A pull request's branch may be called like the base branch, in a fork.
        let is_ours = |run: &WorkflowRunJson| !run.event.starts_with("pull_request");
        let is_named = |run: &WorkflowRunJson| run.name.as_deref() == Some(names.workflow);
        let run = listed.workflow_runs.into_iter().find(|run| is_ours(run) && is_named(run));
        let Some(run) = run else { return Ok(None) };
        let attempt = run.run_attempt.unwrap_or(1);
        let path = format!("/actions/runs/{}/attempts/{attempt}/jobs", run.id);
        let jobs: Vec<JobJson> = self.client.pages(repo, &path, Some("jobs")).await?;
        let is_green = |job: &JobJson| job.conclusion.as_deref() == Some("success");
        let job = jobs.into_iter().find(|job| job.name == names.job && is_green(job));
        Ok(job.map(|job| JobId::new(job.id)))
    }

    pub(super) async fn annotations_of(
        &self,
        repo: &Repo,
        check: CheckRunId,
    ) -> Result<Vec<CiAnnotation>, ForgeError> {
        let path = format!("/check-runs/{check}/annotations");
        let annotations: Vec<AnnotationJson> = self.client.pages(repo, &path, None).await?;
        Ok(annotations
            .into_iter()
            .map(|annotation| CiAnnotation {
                path: annotation.path,
                start_line: annotation.start_line,
                end_line: annotation.end_line,
                start_column: annotation.start_column,
                level: annotation.annotation_level.unwrap_or_default(),
                message: annotation.message.unwrap_or_default(),
                title: annotation.title,
            })
            .collect())
    }

    pub(super) async fn output_of(
        &self,
        repo: &Repo,
        check: CheckRunId,
    ) -> Result<String, ForgeError> {
        #[derive(Deserialize)]
        struct Said {
            #[serde(default)]
            output: Output,
        }
        #[derive(Default, Deserialize)]
        struct Output {
            #[serde(default)]
            summary: Option<String>,
            #[serde(default)]
            text: Option<String>,
        }
        let said: Said = self.client.get(repo, &format!("/check-runs/{check}")).await?;
        let parts: Vec<String> = said.output.summary.into_iter().chain(said.output.text).collect();
        Ok(parts.join("\n"))
    }

    pub(super) async fn state_of_run(
        &self,
        repo: &Repo,
        run: RunId,
    ) -> Result<RunState, ForgeError> {
        #[derive(Deserialize)]
        struct Run {
            #[serde(default)]
            status: Option<String>,
        }
        let run: Run = self.client.get(repo, &format!("/actions/runs/{run}")).await?;
        Ok(match run.status.as_deref() {
            Some("completed") => RunState::Ended,
            _ => RunState::Running,
        })
    }
}

/// The check run that an address ends with.
fn check_of(url: Option<&str>) -> Option<CheckRunId> {
    url?.rsplit('/').next()?.parse().ok().map(CheckRunId::new)
}

/// How CI stands where these have ended so, each with GitHub's words: its status, its conclusion.
pub fn of_words<'a>(runs: impl IntoIterator<Item = (CiRun, &'a str, Option<&'a str>)>) -> Ci {
    let ended = |(run, status, conclusion)| (run, end_of(status, conclusion));
    summed_up(&runs.into_iter().map(ended).collect::<Vec<_>>())
}

/// What many ends come to: approval is asked for before red is healed, and red counts only once
/// everything has ended.
fn summed_up(seen: &[(CiRun, End)]) -> Ci {
    let with = |end: End| -> Vec<CiRun> {
        seen.iter().filter(|(_, had)| *had == end).map(|(run, _)| run.clone()).collect()
    };
    let red = with(End::Red);
    let waiting = with(End::NeedsApproval);
    let cancelled = with(End::Cancelled);
    if seen.is_empty() {
        Ci::Nothing
    } else if seen.iter().any(|(_, end)| *end == End::Running) {
        Ci::Pending { red }
    } else if !red.is_empty() {
        Ci::Red(red)
    } else if !waiting.is_empty() {
        Ci::NeedsApproval(waiting)
    } else if !cancelled.is_empty() {
        Ci::Cancelled(cancelled)
    } else {
        Ci::Green
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str) -> CiRun {
        CiRun::Status { context: name.into(), url: None }
    }

    #[track_caller]
    fn check(ends: &[End], expected: &Ci) {
        let seen: Vec<(CiRun, End)> = ends.iter().map(|end| (run("x"), *end)).collect();
        assert_eq!(summed_up(&seen), *expected);
    }

    #[test]
    fn red_counts_once_everything_has_ended() {
        let red = || vec![run("x")];
        check(&[], &Ci::Nothing);
        check(&[End::Green, End::Green], &Ci::Green);
        check(&[End::Green, End::Red], &Ci::Red(red()));
        check(&[End::Running, End::Red], &Ci::Pending { red: red() });
        check(&[End::NeedsApproval, End::Green], &Ci::NeedsApproval(red()));
        check(&[End::NeedsApproval, End::Red], &Ci::Red(red()));
        check(&[End::Cancelled, End::Green], &Ci::Cancelled(red()));
    }

    #[test]
    fn words_that_github_adds_later_are_never_red() {
        assert_eq!(end_of("completed", Some("splendid")), End::Green);
        assert_eq!(end_of("pondering", None), End::Running);
        assert_eq!(end_of("completed", None), End::Running);
        assert_eq!(end_of("completed", Some("startup_failure")), End::Red);
        assert_eq!(end_of("completed", Some("action_required")), End::NeedsApproval);
    }
}
