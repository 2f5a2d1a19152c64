//! Commits of ours, taken back: every commit of a history changes the same one file.

use async_trait::async_trait;
use selfheal::domain::event::PullChange;
use selfheal::domain::ids::{RepoPath, Sha};
use selfheal::domain::patch::FileMode;
use selfheal::domain::pull::Repo;
use selfheal::domain::undo::{Standing, Touched, Tree, undone_by};
use selfheal::ports::forge::ForgeError;
use selfheal::ports::undo::{ForgeUndo, NewUndo};

use super::{Careless, SimForge};
use crate::simulation::truth::{BOT, By, Commit, Deed, SimPull, Truth, head_of};

fn file() -> RepoPath {
    RepoPath::parse("src/lib.rs").unwrap()
}

fn found<'a>(truth: &'a Truth, sha: &Sha) -> Result<&'a Commit, ForgeError> {
    let mut all = truth.pulls.iter().flat_map(|pull| &pull.commits);
    all.find(|commit| commit.sha == *sha)
        .ok_or_else(|| ForgeError::NotFound(format!("the commit {sha}")))
}

fn standing(commit: &Commit) -> Standing {
    Standing::Entry { mode: FileMode::Regular, object: commit.blob.clone() }
}

#[async_trait]
impl ForgeUndo for SimForge {
    async fn touched(&self, _repo: &Repo, commit: &Sha) -> Result<Vec<Touched>, ForgeError> {
        self.read(|truth| {
            let commit = found(truth, commit)?;
            let before = match &commit.parent {
                Some(parent) => Some(standing(found(truth, parent)?)),
                None => None,
            };
            Ok(vec![Touched { path: file(), before, after: Some(standing(commit)) }])
        })
        .await
    }

    async fn standing(
        &self,
        _repo: &Repo,
        commit: &Sha,
        _paths: &[RepoPath],
    ) -> Result<Tree, ForgeError> {
        self.read(|truth| Ok(Tree::from([(file(), standing(found(truth, commit)?))]))).await
    }

    async fn take_back(&self, wish: &NewUndo) -> Result<Sha, ForgeError> {
        let checks = self.careless != Careless::Heads;
        self.write(|truth| taken_back(truth, wish, checks)).await
    }
}

fn taken_back(truth: &mut Truth, wish: &NewUndo, checks: bool) -> Result<Sha, ForgeError> {
    let named = |pull: &&SimPull| head_of(pull, pull.head()).branch == wish.branch;
    let pull = truth.pulls.iter().find(named).expect("commits go to branches that are there");
    let (number, at) = (pull.number, pull.head().clone());
    if checks && at.sha != wish.parent {
        let takes_back = undone_by(&at.message).is_some_and(|(shas, _)| shas == wish.commits);
        return if takes_back && at.parent.as_ref() == Some(&wish.parent) {
            Ok(at.sha)
        } else {
            let (branch, expected) = (wish.branch.clone(), wish.parent.clone());
            Err(ForgeError::Moved { branch, expected })
        };
    }
    if at.sha != wish.parent {
        truth.did(Deed::Overwrote(number, at.sha));
    }
    let (_, blob) = wish.restored[0].to.clone().expect("every commit has the file");
    let nature = found(truth, &blob)?.nature;
    let sha = truth.add_commit(number, By::Undo, nature, wish.message.clone());
    let commits = truth.pull_mut(number).map(|pull| &mut pull.commits);
    commits.and_then(|commits| commits.last_mut()).expect("it was just added").blob = blob;
    truth.changed(number, PullChange::Synchronized, BOT);
    Ok(sha)
}
