//! The text of things as people see them, for assertions and the demo.
//!
//! No ids, no times, no addresses: what a snapshot shows is what a promise is about.

use serde_json::Value;

use crate::World;
use crate::people::pull::Pull;
use crate::people::repo::Repository;
use crate::state::check::CheckRun;
use crate::state::pull::PullState;
use crate::state::run::Log;

/// Commits that `commits` shows at most.
const COMMITS_MAX: usize = 100;

impl World {
    /// The App's newest check run on a pull request's head; `(none)` without one.
    pub fn check_run_text(&self, pull: &Pull) -> String {
        let check = self.state().own_check(pull);
        check.map_or("(none)".into(), |check| check_text(&check))
    }

    /// The App's check runs on every commit of a pull request's repository, oldest first.
    pub fn check_runs(&self, pull: &Pull) -> Vec<String> {
        let mut state = self.state();
        let app = state.app.id;
        let checks = state.repo_mut(pull.repo.id).checks.values();
        checks.filter(|check| check.app == app).map(check_text).collect()
    }

    /// The commits that the App's check runs are on, one for each check run.
    pub fn own_check_heads(&self, repository: &Repository) -> Vec<String> {
        let mut state = self.state();
        let app = state.app.id;
        let checks = state.repo_mut(repository.id).checks.values();
        checks.filter(|check| check.app == app).map(|check| check.head_sha.clone()).collect()
    }

    /// That input of every run that was ever dispatched, one for each run.
    pub fn dispatched_ever(&self, repository: &Repository, input: &str) -> Vec<String> {
        let mut state = self.state();
        let runs = state.repo_mut(repository.id).runs.values();
        runs.filter(|run| run.event == "workflow_dispatch")
            .filter_map(|run| run.inputs.get(input)?.as_str().map(str::to_owned))
            .collect()
    }

    /// The App's comments on a pull request, oldest first, hidden markers left out.
    pub fn comment_text(&self, pull: &Pull) -> String {
        let mut state = self.state();
        let bot = state.app.bot();
        let comments = state.repo_mut(pull.repo.id).comments.values();
        let own = comments.filter(|one| one.pull == pull.number && one.author == bot);
        let texts: Vec<String> = own.map(|one| without_markers(&one.body)).collect();
        if texts.is_empty() { "(none)".into() } else { texts.join("\n---\n") }
    }

    /// The raw bodies of the App's comments on a pull request, oldest first.
    pub fn comment_bodies(&self, pull: &Pull) -> Vec<String> {
        let mut state = self.state();
        let bot = state.app.bot();
        let comments = state.repo_mut(pull.repo.id).comments.values();
        let own = comments.filter(|one| one.pull == pull.number && one.author == bot);
        own.map(|one| one.body.clone()).collect()
    }

    /// The text of a pull request's own description; empty without one.
    pub fn pull_body(&self, pull: &Pull) -> String {
        self.state().pull_mut(pull.at()).body.clone().unwrap_or_default()
    }

    /// The pull requests that were ever opened from a branch of a repository itself, oldest first.
    pub fn pulls_from(&self, repository: &Repository, branch: &str) -> Vec<Pull> {
        let mut state = self.state();
        let pulls = state.repo_mut(repository.id).pulls.values();
        let from = pulls
            .filter(|pull| pull.head.repo == Some(repository.id) && pull.head.branch == branch);
        from.map(|pull| Pull { repo: repository.clone(), number: pull.number }).collect()
    }

    /// How a pull request stands: `#3 open, draft: Add a feature`.
    pub fn pull_text(&self, pull: &Pull) -> String {
        let mut state = self.state();
        let kept = state.pull_mut(pull.at());
        let stands = match kept.state {
            PullState::Open if kept.is_draft => "open, draft",
            PullState::Open => "open",
            PullState::Merged => "merged",
            PullState::Closed => "closed",
        };
        format!("#{} {stands}: {}", kept.number, kept.title)
    }

    /// Queued runs of a repository, oldest first.
    pub fn queued(&self, repository: &Repository) -> Vec<u64> {
        let mut state = self.state();
        let runs = state.repo_mut(repository.id).runs.values();
        runs.filter(|run| run.status == "queued").map(|run| run.id).collect()
    }

    /// The labels of a pull request.
    pub fn labels(&self, pull: &Pull) -> Vec<String> {
        self.state().pull_mut(pull.at()).labels.clone()
    }

    /// The commits of a pull request, oldest first: author, subject, trailers.
    ///
    /// # Errors
    /// When git fails.
    pub async fn commits(&self, pull: &Pull) -> anyhow::Result<Vec<String>> {
        let (git, kept) = {
            let mut state = self.state();
            let kept = state.pull_mut(pull.at()).clone();
            (state.repo_mut(pull.repo.id).git.clone(), kept)
        };
        let range = format!("{}..{}", kept.base_sha, kept.head.sha);
        let mut commits = git.log(&range, COMMITS_MAX).await?;
        commits.reverse();
        Ok(commits.iter().map(|one| commit_text(&one.author.name, &one.message)).collect())
    }

    /// What happened on a pull request, a line each, oldest first.
    pub fn timeline(&self, pull: &Pull) -> String {
        let mut state = self.state();
        let happened = state.repo_mut(pull.repo.id).timeline.iter();
        let lines: Vec<&str> =
            happened.filter(|one| one.pull == pull.number).map(|one| one.text.as_str()).collect();
        lines.join("\n")
    }

    /// The logs of a repository's runs, oldest first, for stories that went wrong.
    pub fn logs_text(&self, repository: &Repository) -> String {
        let mut state = self.state();
        let mut text = String::new();
        for run in state.repo_mut(repository.id).runs.values() {
            let ended = run.conclusion.as_deref().unwrap_or(&run.status);
            text += &format!("== {} ({}): {ended}\n", run.workflow_path, run.event);
            for job in &run.attempt().jobs {
                if let Log::Kept(bytes) = &job.log {
                    text += &String::from_utf8_lossy(bytes);
                }
            }
        }
        text
    }
}

fn check_text(check: &CheckRun) -> String {
    let state = match &check.conclusion {
        Some(conclusion) => format!("{}/{conclusion}", check.status),
        None => check.status.clone(),
    };
    let mut lines = vec![format!("{}  {state}  {}", check.name, said(check.title.as_deref()))];
    for text in [&check.summary, &check.text].into_iter().flatten() {
        if !text.trim().is_empty() {
            lines.push(without_markers(text));
        }
    }
    let annotations = check.annotations.iter().map(|one| {
        format!(
            "{}:{} {} {}",
            said(one["path"].as_str()),
            one["start_line"],
            said(one["annotation_level"].as_str()),
            said(one["message"].as_str())
        )
    });
    lines.extend(annotations);
    let button = |action: &Value| {
        format!("[{}|{}]", said(action["label"].as_str()), said(action["identifier"].as_str()))
    };
    if !check.actions.is_empty() {
        lines.push(check.actions.iter().map(button).collect::<Vec<_>>().join(" "));
    }
    lines.join("\n")
}

fn said(text: Option<&str>) -> &str {
    text.unwrap_or_default()
}

fn without_markers(text: &str) -> String {
    let lines = text.lines().filter(|line| {
        let line = line.trim();
        !(line.starts_with("<!--") && line.ends_with("-->"))
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn commit_text(author: &str, message: &str) -> String {
    let mut lines = message.lines();
    let subject = lines.next().unwrap_or_default();
    let trailers: Vec<&str> = message
        .rsplit("\n\n")
        .next()
        .filter(|last| *last != message)
        .into_iter()
        .flat_map(str::lines)
        .filter(|line| line.split_once(": ").is_some_and(|(key, _)| !key.contains(' ')))
        .collect();
    let shown =
        if trailers.is_empty() { String::new() } else { format!(" ({})", trailers.join("; ")) };
    format!("{author}: {subject}{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_shows_its_subject_and_trailers() {
        let text = "Fix it\n\nBecause: not a trailer of git\nstyle\n\nSelfheal-Attempt: a1\nCo-authored-by: M";
        assert_eq!(
            commit_text("bot", text),
            "bot: Fix it (Selfheal-Attempt: a1; Co-authored-by: M)"
        );
        assert_eq!(commit_text("mona", "Note: a subject"), "mona: Note: a subject");
    }

    #[test]
    fn hidden_markers_are_not_seen() {
        assert_eq!(without_markers("<!-- selfheal:pr -->\nhello\n"), "hello");
    }
}
