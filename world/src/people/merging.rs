//! Merging: by hand, by auto-merge, by a queue.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::pull::Pull;
use crate::World;
use crate::branches::Moved;
use crate::git::{Force, NewCommit, RefMove};
use crate::hooks::Telling;
use crate::state::pull::{AutoMerge, PullState};

impl World {
    /// Somebody merges a pull request by a merge commit; that commit.
    ///
    /// # Errors
    /// When it conflicts, or git fails.
    pub async fn merge(&self, pull: &Pull, by: &str) -> Result<String> {
        let now_ms = self.now_ms();
        let (git, kept, author) = {
            let mut state = self.state();
            state.user(by);
            let kept = state.pull_mut(pull.at()).clone();
            let author = state.person(by, now_ms);
            (state.repo_mut(pull.repo.id).git.clone(), kept, author)
        };
        ensure!(kept.is_open(), "#{} is not open", kept.number);
        let name = format!("refs/heads/{}", kept.base_branch);
        let old = git.get_ref(&name).await?.context("the base branch is gone")?;
        let tree = git.merge_tree(&old, &kept.head.sha).await?.context("it conflicts")?;
        let parents = [old.clone(), kept.head.sha.clone()];
        let message = format!("Merge pull request #{}", kept.number);
        let new = NewCommit {
            tree: &tree,
            parents: &parents,
            message: &message,
            author: &author,
            committer: &author,
        };
        let sha = git.write_commit(&new).await?;
        let moving = RefMove { name: &name, new: &sha, expected_old: Some(&old), force: Force::No };
        ensure!(git.update_ref(&moving).await?.is_ok(), "the base branch moved meanwhile");
        {
            let mut state = self.state();
            let merged = state.pull_mut(pull.at());
            merged.state = PullState::Merged;
            merged.merge_sha = Some(sha.clone());
            merged.closed_ms = Some(now_ms);
            merged.auto_merge = None;
            state.repo_mut(pull.repo.id).note(pull.number, format!("{by} merged"));
            state.tell_pull(pull.at(), ("closed", by), json!({}), now_ms);
        }
        let branch = kept.base_branch;
        let moved = Moved {
            repo: pull.repo.id,
            branch,
            old: Some(old),
            new: Some(sha.clone()),
            by: by.to_owned(),
        };
        self.shared().branch_moved(&moved).await?;
        Ok(sha)
    }

    /// Somebody switches auto-merge on; the method is `merge`, `squash` or `rebase`.
    pub fn enable_auto_merge(&self, pull: &Pull, by: &str, method: &str) {
        self.enable_auto_merge_saying(pull, (by, method), None);
    }

    /// Somebody switches auto-merge on and says the merge commit's title and message.
    pub fn enable_auto_merge_saying(
        &self,
        pull: &Pull,
        (by, method): (&str, &str),
        words: Option<(&str, &str)>,
    ) {
        self.change(pull, ("auto_merge_enabled", by), |kept| {
            kept.auto_merge = Some(AutoMerge {
                enabled_by: by.to_owned(),
                method: method.to_owned(),
                title: words.map(|(title, _)| title.to_owned()),
                message: words.map(|(_, message)| message.to_owned()),
            });
            json!({})
        });
    }

    /// Somebody switches auto-merge off.
    pub fn disable_auto_merge(&self, pull: &Pull, by: &str) {
        self.change(pull, ("auto_merge_disabled", by), |kept| {
            kept.auto_merge = None;
            json!({ "reason": "disabled by hand" })
        });
    }

    /// Who switched auto-merge on, and the method, when it is on.
    pub fn auto_merge(&self, pull: &Pull) -> Option<(String, String)> {
        let mut state = self.state();
        let auto = state.pull_mut(pull.at()).auto_merge.clone();
        auto.map(|auto| (auto.enabled_by, auto.method))
    }

    /// The title and message of the merge commit, when auto-merge is on and somebody said them.
    pub fn auto_merge_words(&self, pull: &Pull) -> Option<(String, String)> {
        let mut state = self.state();
        let auto = state.pull_mut(pull.at()).auto_merge.clone()?;
        auto.title.zip(auto.message)
    }

    /// Somebody puts it into the merge queue.
    pub fn enqueue(&self, pull: &Pull, by: &str) {
        self.change(pull, ("enqueued", by), |kept| {
            kept.is_queued = true;
            json!({})
        });
    }

    /// It leaves the merge queue, for a reason such as `CI_FAILURE`.
    pub fn dequeue(&self, pull: &Pull, by: &str, reason: &str) {
        self.change(pull, ("dequeued", by), |kept| {
            kept.is_queued = false;
            json!({ "reason": reason })
        });
    }

    /// A merge queue asks for checks on what it would merge.
    pub fn queue_checks(&self, pull: &Pull, by: &str) {
        let now_ms = self.now_ms();
        let mut state = self.state();
        let kept = state.pull_mut(pull.at()).clone();
        let head_ref =
            format!("refs/heads/gh-readonly-queue/main/pr-{}-{}", pull.number, kept.base_sha);
        let body = json!({ "merge_group": {
            "head_sha": kept.head.sha, "head_ref": head_ref,
            "base_sha": kept.base_sha, "base_ref": format!("refs/heads/{}", kept.base_branch),
            "head_commit": { "id": kept.head.sha, "message": kept.title },
        } });
        let telling = Telling {
            event: "merge_group",
            action: Some("checks_requested"),
            repo: pull.repo.id,
            sender: by,
        };
        state.tell(now_ms, telling, body);
    }
}
