//! Pull requests, issues behind them, comments, labels.

use serde_json::{Value, json};

use crate::state::State;
use crate::state::pull::{Comment, Label, Pull, PullState};
use crate::time::iso;

impl State {
    /// A pull request; `Null` when there is none of that number.
    pub(crate) fn pull_json(&self, repo_id: u64, number: u64) -> Value {
        let Some(repo) = self.repo(repo_id) else { return Value::Null };
        let Some(pull) = repo.pulls.get(&number) else { return Value::Null };
        let slug = repo.slug();
        let url = format!("{}/repos/{slug}/pulls/{number}", self.api_url);
        let issue = format!("{}/repos/{slug}/issues/{number}", self.api_url);
        let web = format!("{}/{slug}/pull/{number}", self.web_url);
        let labels: Vec<Value> =
            pull.labels.iter().map(|name| self.label_of(repo_id, name)).collect();
        let comments = repo.comments.values().filter(|comment| comment.pull == number);
        json!({
            "url": url,
            "id": pull.id,
            "node_id": pull.node_id(),
            "html_url": web,
            "diff_url": format!("{web}.diff"),
            "patch_url": format!("{web}.patch"),
            "issue_url": issue,
            "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url":
                format!("{}/repos/{slug}/pulls/comments{{/number}}", self.api_url),
            "comments_url": format!("{issue}/comments"),
            "statuses_url":
                format!("{}/repos/{slug}/statuses/{}", self.api_url, pull.head.sha),
            "number": number,
            "state": if pull.is_open() { "open" } else { "closed" },
            "locked": false,
            "title": pull.title,
            "user": self.user_json(&pull.author),
            "body": pull.body,
            "labels": labels,
            "milestone": null,
            "active_lock_reason": null,
            "created_at": iso(pull.created_ms),
            "updated_at": iso(pull.updated_ms),
            "closed_at": pull.closed_ms.map(iso),
            "merged_at":
                pull.closed_ms.filter(|_| pull.state == PullState::Merged).map(iso),
            "merge_commit_sha": pull.merge_sha,
            "assignee": null,
            "assignees": [],
            "requested_reviewers": [],
            "requested_teams": [],
            "head": self.head_json(pull),
            "base": self.base_json(repo_id, pull),
            "author_association": self.association(repo_id, &pull.author),
            "auto_merge": self.auto_merge_json(pull),
            "draft": pull.is_draft,
            "merged": pull.state == PullState::Merged,
            "mergeable": pull.has_conflicts.map(|conflicts| !conflicts),
            "rebaseable": pull.has_conflicts.map(|conflicts| !conflicts),
            "mergeable_state": mergeable_state(pull),
            "merged_by": null,
            "comments": comments.clone().filter(|one| one.place.is_none()).count(),
            "review_comments": comments.filter(|one| one.place.is_some()).count(),
            "maintainer_can_modify": pull.maintainer_can_modify,
        })
    }

    fn head_json(&self, pull: &Pull) -> Value {
        json!({
            "label": format!("{}:{}", pull.head.owner, pull.head.branch),
            "ref": pull.head.branch,
            "sha": pull.head.sha,
            "user": self.user_json(&pull.head.owner),
            "repo": pull.head.repo.map(|id| self.repo_json(id)),
        })
    }

    fn base_json(&self, repo_id: u64, pull: &Pull) -> Value {
        let owner = self.repo(repo_id).map_or("", |repo| &repo.owner);
        json!({
            "label": format!("{owner}:{}", pull.base_branch),
            "ref": pull.base_branch,
            "sha": pull.base_sha,
            "user": self.user_json(owner),
            "repo": self.repo_json(repo_id),
        })
    }

    fn auto_merge_json(&self, pull: &Pull) -> Value {
        pull.auto_merge.as_ref().map_or(Value::Null, |auto| {
            json!({
                "enabled_by": self.user_json(&auto.enabled_by),
                "merge_method": auto.method,
                "commit_title": auto.title,
                "commit_message": auto.message,
            })
        })
    }

    /// What runs and checks tell of a pull request.
    pub(crate) fn pull_link_json(&self, repo_id: u64, pull: &Pull) -> Value {
        let slug = self.repo(repo_id).map_or(String::new(), crate::state::repo::Repo::slug);
        json!({
            "url": format!("{}/repos/{slug}/pulls/{}", self.api_url, pull.number),
            "id": pull.id,
            "number": pull.number,
            "head": {
                "ref": pull.head.branch, "sha": pull.head.sha,
                "repo": pull.head.repo.map(|id| self.repo_link_json(id)),
            },
            "base": {
                "ref": pull.base_branch, "sha": pull.base_sha,
                "repo": self.repo_link_json(repo_id),
            },
        })
    }

    /// Open pull requests of this very repository with that head; forks never show, as on GitHub.
    pub(crate) fn pull_links(&self, repo_id: u64, sha: &str) -> Value {
        let Some(repo) = self.repo(repo_id) else { return json!([]) };
        let own = repo.pulls.values().filter(|pull| {
            pull.is_open() && pull.head.repo == Some(repo_id) && pull.head.sha == sha
        });
        own.map(|pull| self.pull_link_json(repo_id, pull)).collect()
    }

    /// The issue behind a pull request.
    pub(crate) fn issue_json(&self, repo_id: u64, number: u64) -> Value {
        let pull = self.pull_json(repo_id, number);
        let url = pull["issue_url"].as_str().unwrap_or_default().to_owned();
        json!({
            "url": url,
            "repository_url": self.repo_json(repo_id)["url"],
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "html_url": pull["html_url"],
            "id": pull["id"].as_u64().unwrap_or(0) + 1_000_000,
            "node_id": format!("I_{}", pull["id"]),
            "number": number,
            "title": pull["title"],
            "user": pull["user"],
            "labels": pull["labels"],
            "state": pull["state"],
            "locked": false,
            "assignee": null,
            "assignees": [],
            "milestone": null,
            "comments": pull["comments"],
            "created_at": pull["created_at"],
            "updated_at": pull["updated_at"],
            "closed_at": pull["closed_at"],
            "author_association": pull["author_association"],
            "active_lock_reason": null,
            "draft": pull["draft"],
            "pull_request": {
                "url": pull["url"], "html_url": pull["html_url"], "diff_url": pull["diff_url"],
                "patch_url": pull["patch_url"], "merged_at": pull["merged_at"],
            },
            "body": pull["body"],
        })
    }

    pub(crate) fn comment_json(&self, repo_id: u64, comment: &Comment) -> Value {
        let slug = self.repo(repo_id).map_or(String::new(), crate::state::repo::Repo::slug);
        let api = format!("{}/repos/{slug}", self.api_url);
        let web = format!("{}/{slug}/pull/{}", self.web_url, comment.pull);
        let kind = if comment.place.is_some() { "pulls" } else { "issues" };
        let anchor = if comment.place.is_some() { "discussion_r" } else { "issuecomment-" };
        let mut shape = json!({
            "url": format!("{api}/{kind}/comments/{}", comment.id),
            "html_url": format!("{web}#{anchor}{}", comment.id),
            "id": comment.id,
            "node_id": format!("IC_{}", comment.id),
            "user": self.user_json(&comment.author),
            "created_at": iso(comment.created_ms),
            "updated_at": iso(comment.updated_ms),
            "author_association": self.association(repo_id, &comment.author),
            "body": comment.body,
            "reactions": reactions_json(comment),
        });
        let Value::Object(fields) = &mut shape else { return shape };
        if let Some(place) = &comment.place {
            fields
                .insert("pull_request_url".into(), format!("{api}/pulls/{}", comment.pull).into());
            fields.insert("path".into(), place.path.clone().into());
            fields.insert("line".into(), place.line.into());
            fields.insert("side".into(), "RIGHT".into());
            fields.insert("commit_id".into(), place.commit.clone().into());
            fields.insert("original_commit_id".into(), place.commit.clone().into());
            fields.insert("diff_hunk".into(), "@@ -1 +1 @@".into());
        } else {
            let app = comment.via_app.map(|id| self.app_json(&self.app_ref(id)));
            fields.insert("issue_url".into(), format!("{api}/issues/{}", comment.pull).into());
            fields.insert("performed_via_github_app".into(), app.into());
        }
        shape
    }

    pub(crate) fn label_json(&self, repo_id: u64, label: &Label) -> Value {
        let slug = self.repo(repo_id).map_or(String::new(), crate::state::repo::Repo::slug);
        json!({
            "id": label.id,
            "node_id": format!("LA_{}", label.id),
            "url": format!("{}/repos/{slug}/labels/{}", self.api_url, label.name),
            "name": label.name,
            "description": null,
            "color": "ededed",
            "default": false,
        })
    }

    /// The label of that name, whatever its case.
    pub(crate) fn label_of(&self, repo_id: u64, name: &str) -> Value {
        let labels = self.repo(repo_id).map_or(&[][..], |repo| &repo.labels);
        let found = labels.iter().find(|label| label.name.eq_ignore_ascii_case(name));
        found.map_or(Value::Null, |label| self.label_json(repo_id, label))
    }

    fn association(&self, repo_id: u64, login: &str) -> &'static str {
        match self.repo(repo_id).map_or("none", |repo| repo.role(login)) {
            "admin" => "OWNER",
            "maintain" | "write" | "triage" => "COLLABORATOR",
            _ => "NONE",
        }
    }
}

fn mergeable_state(pull: &Pull) -> &'static str {
    match pull.has_conflicts {
        None => "unknown",
        Some(true) => "dirty",
        Some(false) if pull.is_draft => "draft",
        Some(false) => "clean",
    }
}

fn reactions_json(comment: &Comment) -> Value {
    let count =
        |wanted: &str| comment.reactions.iter().filter(|(_, _, content)| content == wanted).count();
    json!({
        "total_count": comment.reactions.len(),
        "+1": count("+1"), "-1": count("-1"), "laugh": count("laugh"),
        "hooray": count("hooray"), "confused": count("confused"), "heart": count("heart"),
        "rocket": count("rocket"), "eyes": count("eyes"),
    })
}
