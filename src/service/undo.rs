//! Undo: what would take our commits back, read from the forge when somebody wants that, and the
//! commit that does it.
//!
//! Nothing is read that nobody asked for: a look without the command costs what it always did.

use super::gather::Gathered;
use super::{ServiceError, Services};
use crate::domain::ask::{Ask, AskKind};
use crate::domain::case::Case;
use crate::domain::command::permission_for;
use crate::domain::effect::{Act, Effect};
use crate::domain::false_fix::{FalseFix, Sign};
use crate::domain::ids::{AttemptId, PrNumber, RepoPath, Sha};
use crate::domain::pull::{Permission, Pull, PullState};
use crate::domain::undo::{self, COMMITS_MAX, NoUndo, Touched, Undo};
use crate::ports::undo::NewUndo;

/// Reads what would take our commits back, when somebody who may wants that.
pub(super) async fn gather(
    services: &Services,
    gathered: &mut Gathered,
) -> Result<(), ServiceError> {
    let wants = |(ask, permission): &(Ask, Permission)| {
        ask.kind == AskKind::Undo && *permission >= permission_for(ask.kind)
    };
    if gathered.pull.state == PullState::Open && gathered.asks.iter().any(wants) {
        gathered.undo = Some(planned(services, &gathered.pull).await?);
    }
    Ok(())
}

async fn planned(services: &Services, pull: &Pull) -> Result<Result<Undo, NoUndo>, ServiceError> {
    let (forge, repo) = (&services.forge, &pull.repo);
    let bot = forge.app().await?.bot;
    let commits = forge.pull_commits(repo, pull.number).await?;
    let ours = undo::ours(&commits, bot);
    if ours.is_empty() || pull.is_from_fork() {
        return Ok(Err(NoUndo::Nothing));
    }
    if ours.len() > COMMITS_MAX {
        return Ok(Err(NoUndo::TooMany));
    }
    let mut did: Vec<(Sha, Vec<Touched>)> = Vec::with_capacity(ours.len());
    for commit in ours {
        did.push((commit.sha.clone(), forge.touched(repo, &commit.sha).await?));
    }
    let of = |touched: &Touched| [vec![touched.path.clone()], undo::above(&touched.path).collect()];
    let mut paths: Vec<RepoPath> =
        did.iter().flat_map(|(_, all)| all.iter().flat_map(of).flatten()).collect();
    paths.sort_unstable();
    paths.dedup();
    let now = forge.standing(repo, &pull.head.sha, &paths).await?;
    Ok(undo::plan(&did, &now))
}

/// The commit that takes those back, and that their fixes were wrong; `None` when nobody wants that any more: one that had to be tried
/// again may meet a pull request that was closed meanwhile.
pub(super) async fn taken_back(
    services: &Services,
    effect: &Effect,
) -> Result<Option<(Sha, Vec<FalseFix>)>, ServiceError> {
    let Act::Undo { case, wanted_at, branch, parent, commits, restored, message } = &effect.act
    else {
        return Ok(None);
    };
    let number = effect.number.unwrap_or(PrNumber::new(0));
    let record = services.store.pull(effect.repo.id, number).await?;
    let known = record.and_then(|record| record.case);
    let is_wanted = |known: Case| {
        known.id == *case && known.since == *wanted_at && known.state.undoing().is_some()
    };
    if !known.is_some_and(is_wanted) {
        return Ok(None);
    }
    let undo = NewUndo {
        repo: effect.repo.clone(),
        branch: branch.clone(),
        parent: parent.clone(),
        commits: commits.clone(),
        restored: restored.clone(),
        message: message.clone(),
    };
    let commit = services.forge.take_back(&undo).await?;
    let wrong = services.figures.attempts_of(effect.repo.id, commits).await?;
    let of = |(attempt, sha): (AttemptId, Sha)| FalseFix {
        attempt,
        sign: Sign::Undone,
        evidence: format!("{sha} was taken back by {commit}"),
    };
    let wrong = wrong.into_iter().map(of).collect();
    Ok(Some((commit, wrong)))
}
