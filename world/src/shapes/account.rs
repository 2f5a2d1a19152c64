//! Users, Apps, installations and repositories.

use serde_json::{Map, Value, json};

use crate::state::app::{Installation, Permissions, Selection};
use crate::state::{AppRef, State};
use crate::time::iso;

impl State {
    /// A user; accounts that nobody met yet have the number 0.
    pub(crate) fn user_json(&self, login: &str) -> Value {
        let user = self.find_user(login);
        let id = user.map_or(0, |user| user.id);
        let login = user.map_or(login, |user| &user.login);
        let kind = user.map_or("User", |user| user.kind.text());
        let url = format!("{}/users/{login}", self.api_url);
        json!({
            "login": login,
            "id": id,
            "node_id": format!("U_{id}"),
            "avatar_url": format!("{}/avatars/{id}", self.web_url),
            "gravatar_id": "",
            "url": url,
            "html_url": format!("{}/{login}", self.web_url),
            "followers_url": format!("{url}/followers"),
            "following_url": format!("{url}/following{{/other_user}}"),
            "gists_url": format!("{url}/gists{{/gist_id}}"),
            "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{url}/subscriptions"),
            "organizations_url": format!("{url}/orgs"),
            "repos_url": format!("{url}/repos"),
            "events_url": format!("{url}/events{{/privacy}}"),
            "received_events_url": format!("{url}/received_events"),
            "type": kind,
            "user_view_type": "public",
            "site_admin": false,
        })
    }

    /// Our App, with what it may do and hears.
    pub(crate) fn own_app_json(&self) -> Value {
        let mut app = self.app_json(&self.app_ref(self.app.id));
        if let Value::Object(fields) = &mut app {
            fields.insert("client_id".into(), self.app.client_id.clone().into());
            fields.insert("installations_count".into(), self.installations.len().into());
        }
        app
    }

    pub(crate) fn app_json(&self, app: &AppRef) -> Value {
        let is_own = app.id == self.app.id;
        let permissions = if is_own { permissions_json(&self.app.permissions) } else { json!({}) };
        let events: Vec<&String> =
            if is_own { self.app.events.iter().collect() } else { Vec::new() };
        let created = iso(self.app.created_ms);
        json!({
            "id": app.id,
            "slug": app.slug,
            "node_id": format!("A_{}", app.id),
            "owner": self.user_json(if is_own { &self.app.owner } else { "github" }),
            "name": app.name,
            "description": null,
            "external_url": format!("{}/apps/{}", self.web_url, app.slug),
            "html_url": format!("{}/apps/{}", self.web_url, app.slug),
            "created_at": created,
            "updated_at": created,
            "permissions": permissions,
            "events": events,
        })
    }

    pub(crate) fn installation_json(&self, installation: &Installation) -> Value {
        let account = self.user_json(&installation.account);
        let url = format!("{}/app/installations/{}", self.api_url, installation.id);
        let events: Vec<&String> = self.app.events.iter().collect();
        let web = format!("{}/settings/installations/{}", self.web_url, installation.id);
        json!({
            "id": installation.id,
            "client_id": self.app.client_id,
            "account": account,
            "repository_selection": installation.selection.text(),
            "access_tokens_url": format!("{url}/access_tokens"),
            "repositories_url": format!("{}/installation/repositories", self.api_url),
            "html_url": web,
            "app_id": self.app.id,
            "app_slug": self.app.slug,
            "target_id": account["id"],
            "target_type": account["type"],
            "permissions": permissions_json(&installation.permissions),
            "events": events,
            "created_at": iso(installation.created_ms),
            "updated_at": iso(installation.created_ms),
            "single_file_name": null,
            "has_multiple_single_files": false,
            "single_file_paths": [],
            "suspended_by": null,
            "suspended_at": installation.suspended_ms.map(iso),
        })
    }

    /// The few fields that installation events carry of each repository.
    pub(crate) fn repo_brief_json(&self, id: u64) -> Value {
        let Some(repo) = self.repo(id) else { return Value::Null };
        json!({
            "id": repo.id,
            "node_id": format!("R_{id}"),
            "name": repo.name,
            "full_name": repo.slug(),
            "private": repo.is_private,
        })
    }

    pub(crate) fn repo_json(&self, id: u64) -> Value {
        let Some(repo) = self.repo(id) else { return Value::Null };
        let slug = repo.slug();
        let url = format!("{}/repos/{slug}", self.api_url);
        let web = format!("{}/{slug}", self.web_url);
        let mut shape = json!({
            "id": repo.id,
            "node_id": format!("R_{id}"),
            "name": repo.name,
            "full_name": slug,
            "private": repo.is_private,
            "owner": self.user_json(&repo.owner),
            "html_url": web,
            "description": null,
            "fork": repo.fork_of.is_some(),
            "url": url,
            "created_at": iso(repo.created_ms),
            "updated_at": iso(repo.created_ms),
            "pushed_at": iso(repo.created_ms),
            "git_url": format!("{web}.git"),
            "ssh_url": format!("{web}.git"),
            "clone_url": format!("{web}.git"),
            "homepage": null,
            "size": 1,
            "stargazers_count": 0,
            "watchers_count": 0,
            "language": null,
            "has_issues": true,
            "has_projects": false,
            "has_wiki": false,
            "has_pages": false,
            "forks_count": 0,
            "mirror_url": null,
            "archived": false,
            "disabled": false,
            "open_issues_count": repo.pulls.values().filter(|pull| pull.is_open()).count(),
            "license": null,
            "allow_forking": true,
            "is_template": false,
            "web_commit_signoff_required": false,
            "topics": [],
            "visibility": if repo.is_private { "private" } else { "public" },
            "default_branch": repo.default_branch,
        });
        if let Value::Object(fields) = &mut shape {
            addresses(fields, &url);
        }
        shape
    }

    /// What pull requests of a run or check tell of a repository.
    pub(crate) fn repo_link_json(&self, id: u64) -> Value {
        let Some(repo) = self.repo(id) else { return Value::Null };
        json!({
            "id": id,
            "url": format!("{}/repos/{}", self.api_url, repo.slug()),
            "name": repo.name,
        })
    }
}

/// The addresses that typed clients insist on.
fn addresses(fields: &mut Map<String, Value>, url: &str) {
    const TAILS: &[(&str, &str)] = &[
        ("branches_url", "branches{/branch}"),
        ("check_runs_url", "check-runs"),
        ("comments_url", "comments{/number}"),
        ("commits_url", "commits{/sha}"),
        ("compare_url", "compare/{base}...{head}"),
        ("contents_url", "contents/{+path}"),
        ("git_commits_url", "git/commits{/sha}"),
        ("git_refs_url", "git/refs{/sha}"),
        ("hooks_url", "hooks"),
        ("issue_comment_url", "issues/comments{/number}"),
        ("issues_url", "issues{/number}"),
        ("labels_url", "labels{/name}"),
        ("pulls_url", "pulls{/number}"),
        ("statuses_url", "statuses/{sha}"),
        ("trees_url", "git/trees{/sha}"),
    ];
    for (name, tail) in TAILS {
        fields.insert((*name).into(), format!("{url}/{tail}").into());
    }
}

impl Selection {
    pub(crate) const fn text(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Selected(_) => "selected",
        }
    }
}

pub(crate) fn permissions_json(permissions: &Permissions) -> Value {
    let fields = permissions.iter().map(|(name, level)| (name.clone(), level.text().into()));
    Value::Object(fields.collect())
}
