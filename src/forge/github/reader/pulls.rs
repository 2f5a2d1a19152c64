//! Pull requests, people and the App itself.

use serde::Deserialize;

use super::super::GithubForge;
use super::super::types::{CommitJson, PullJson, User};
use super::segment;
use crate::domain::ids::{Branch, Login, PrNumber, RepoPath, Sha, UserId};
use crate::domain::pull::{Permission, Pull, PullCommit, PullState, Repo};
use crate::ports::forge::{AppIdentity, ForgeError};

#[derive(Deserialize)]
struct AppAnswer {
    id: u64,
    #[serde(default)]
    slug: Option<String>,
}

#[derive(Deserialize)]
struct Comparison {
    merge_base_commit: Named,
}

#[derive(Deserialize)]
struct Named {
    sha: String,
}

#[derive(Deserialize)]
struct FileAnswer {
    filename: String,
    #[serde(default)]
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct PermissionAnswer {
    #[serde(default)]
    permission: String,
}

impl GithubForge {
    pub(super) async fn app_identity(&self) -> Result<AppIdentity, ForgeError> {
        let answer = self.client.as_app(http::Method::GET, "/app", None).await?;
        let app: AppAnswer = answer.json()?;
        let slug = app.slug.unwrap_or_else(|| "selfheal".to_owned());
        let login = format!("{slug}[bot]");
        let path = format!("/users/{}", segment(&login));
        let bot: User = self.client.as_app(http::Method::GET, &path, None).await?.json()?;
        Ok(AppIdentity {
            app_id: app.id,
            slug,
            bot: UserId::new(bot.id),
            login: Login::parse(&login)?,
        })
    }

    pub(super) async fn one_pull(&self, repo: &Repo, number: PrNumber) -> Result<Pull, ForgeError> {
        let pull: PullJson = self.client.get(repo, &format!("/pulls/{number}")).await?;
        pull.into_pull(repo)
    }

    pub(super) async fn open_pulls_from(
        &self,
        repo: &Repo,
        owner: &Login,
        branch: &Branch,
    ) -> Result<Vec<Pull>, ForgeError> {
        let head = segment(&format!("{owner}:{branch}"));
        let path = format!("/pulls?state=open&head={head}");
        self.listed(repo, &path).await
    }

    pub(super) async fn open_pulls_with(
        &self,
        repo: &Repo,
        sha: &Sha,
    ) -> Result<Vec<Pull>, ForgeError> {
        let found = self.listed(repo, &format!("/commits/{sha}/pulls")).await?;
        Ok(found.into_iter().filter(|pull| pull.state == PullState::Open).collect())
    }

    async fn listed(&self, repo: &Repo, path: &str) -> Result<Vec<Pull>, ForgeError> {
        let pulls: Vec<PullJson> = self.client.pages(repo, path, None).await?;
        pulls.into_iter().map(|pull| pull.into_pull(repo)).collect()
    }

    pub(super) async fn commits_of(
        &self,
        repo: &Repo,
        number: PrNumber,
    ) -> Result<Vec<PullCommit>, ForgeError> {
        let path = format!("/pulls/{number}/commits");
        let commits: Vec<CommitJson> = self.client.pages(repo, &path, None).await?;
        commits.into_iter().map(CommitJson::into_commit).collect()
    }

    /// Of a comparison that is read for one commit of it, one file and commit do.
    pub(super) async fn common(
        &self,
        repo: &Repo,
        one: &Sha,
        other: &Sha,
    ) -> Result<Option<Sha>, ForgeError> {
        let path = format!("/compare/{one}...{other}?per_page=1");
        match self.client.get::<Comparison>(repo, &path).await {
            Ok(found) => Ok(Some(Sha::parse(&found.merge_base_commit.sha)?)),
            Err(ForgeError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn files_of(
        &self,
        repo: &Repo,
        number: PrNumber,
    ) -> Result<Vec<RepoPath>, ForgeError> {
        let path = format!("/pulls/{number}/files");
        let files: Vec<FileAnswer> = self.client.pages(repo, &path, None).await?;
        let names = files
            .into_iter()
            .flat_map(|file| [Some(file.filename), file.previous_filename])
            .flatten();
        Ok(names.filter_map(|name| RepoPath::parse(&name).ok()).collect())
    }

    pub(super) async fn permission_of(
        &self,
        repo: &Repo,
        login: &Login,
    ) -> Result<Permission, ForgeError> {
        let path = format!("/collaborators/{}/permission", segment(login.as_str()));
        match self.client.get::<PermissionAnswer>(repo, &path).await {
            Ok(answer) => Ok(match answer.permission.as_str() {
                "admin" => Permission::Admin,
                "write" | "maintain" => Permission::Write,
                "read" | "triage" => Permission::Read,
                _ => Permission::None,
            }),
            Err(ForgeError::NotFound(_)) => Ok(Permission::None),
            Err(error) => Err(error),
        }
    }
}
