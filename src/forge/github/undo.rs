//! Taking commits of ours back: what they changed by git's own hashes, and the commit that undoes it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;

use super::GithubForge;
use super::writer::{Mark, Wish, Written};
use crate::domain::ids::{RepoPath, Sha};
use crate::domain::pull::Repo;
use crate::domain::undo::{Standing, Touched, Tree};
use crate::ports::forge::ForgeError;
use crate::ports::undo::{ForgeUndo, NewUndo};

#[derive(Deserialize)]
struct CommitAnswer {
    #[serde(default)]
    parents: Vec<Parent>,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
struct Parent {
    sha: String,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    #[serde(default)]
    previous_filename: Option<String>,
}

#[async_trait]
impl ForgeUndo for GithubForge {
    /// One page has 300 files, as many as a patch of ours may have.
    async fn touched(&self, repo: &Repo, commit: &Sha) -> Result<Vec<Touched>, ForgeError> {
        let answer: CommitAnswer = self.client.get(repo, &format!("/commits/{commit}")).await?;
        let [parent] = answer.parents.as_slice() else {
            let what = format!("commit {commit} of ours has {} parents", answer.parents.len());
            return Err(ForgeError::Unreadable(what));
        };
        let parent = Sha::parse(&parent.sha)?;
        let names = answer.files.iter().flat_map(|file| {
            std::iter::once(file.filename.as_str()).chain(file.previous_filename.as_deref())
        });
        let paths: Vec<RepoPath> =
            names.map(RepoPath::parse).collect::<Result<_, _>>().map_err(ForgeError::from)?;
        let before = self.standing(repo, &parent, &paths).await?;
        let after = self.standing(repo, commit, &paths).await?;
        let touched = |path: RepoPath| Touched {
            before: before.get(&path).cloned(),
            after: after.get(&path).cloned(),
            path,
        };
        Ok(paths.into_iter().map(touched).collect())
    }

    async fn standing(
        &self,
        repo: &Repo,
        commit: &Sha,
        paths: &[RepoPath],
    ) -> Result<Tree, ForgeError> {
        let mut tree: BTreeMap<RepoPath, Standing> = BTreeMap::new();
        for (path, standing) in self.entries_at(repo, commit, paths).await? {
            tree.insert(path, standing);
        }
        Ok(tree)
    }

    async fn take_back(&self, undo: &NewUndo) -> Result<Sha, ForgeError> {
        self.written(&Wish {
            repo: &undo.repo,
            branch: &undo.branch,
            parent: &undo.parent,
            message: &undo.message,
            content: Written::Restored(&undo.restored),
            mark: Mark::Undo(&undo.commits),
        })
        .await
    }
}
