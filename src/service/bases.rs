//! Bases: how CI stands on the branches that pull requests want to go into.
//!
//! One reading serves all pull requests onto a branch for [`FRESH_MS`], and what was read of red runs
//! for as long as the very same runs are red. A reading that is a minute old is as good as a new one:
//! a branch takes minutes to become green, and whoever pushes to it wakes its pull requests. Of older
//! commits, from which pull requests were made, what was read is kept for good: their CI has ended.
//!
//! Races: the branch moves while it is read (the tip is asked for first, so what is told is true of the
//! commit that it names); two looks read at once (both keep the same).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::reading::{self, Purpose, Read};
use super::{OWN_WORKFLOW, ServiceError, Services};
use crate::domain::cause::{Base, BaseRed, BaseState};
use crate::domain::ids::{Branch, RepoId, Sha, Timestamp};
use crate::domain::policy::Policy;
use crate::domain::pull::{Ci, CiRun, Head, Pull};

/// How long a reading is good.
const FRESH_MS: i64 = 60 * 1000;

/// Branches that are kept; a reading is some kilobytes.
const BASES_KEPT_MAX: usize = 500;

/// Said of a branch whose logs are asked for again.
const LOGS_LATER: &str = "the logs of the base branch are not there yet";

/// A branch, as it was read.
#[derive(Debug, Clone)]
struct Kept {
    read_at: Timestamp,
    base: Base,
    /// The runs that were red.
    red: Vec<CiRun>,
}

/// Base branches that were read.
#[derive(Debug, Default)]
pub struct Bases {
    kept: Mutex<HashMap<(RepoId, Branch), Kept>>,
    /// Older commits of base branches, whose CI has ended.
    older: Mutex<HashMap<(RepoId, Sha), BaseState>>,
}

impl Bases {
    fn lock(&self) -> MutexGuard<'_, HashMap<(RepoId, Branch), Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn older(&self) -> MutexGuard<'_, HashMap<(RepoId, Sha), BaseState>> {
        self.older.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a branch anew when it is next asked for: something has happened there.
    pub(super) fn stir(&self, repo: RepoId, branch: &Branch) {
        if let Some(kept) = self.lock().get_mut(&(repo, branch.clone())) {
            kept.read_at = Timestamp::from_millis(0);
        }
    }
}

/// How CI stands on the branch that a pull request wants to go into; `None` when there is no such
/// branch any more.
///
/// # Errors
/// [`ServiceError`] when the forge could not be asked.
pub(super) async fn base_of(
    services: &Services,
    pull: &Pull,
    policy: &Policy,
) -> Result<Option<Base>, ServiceError> {
    let now = services.clock.now();
    let key = (pull.repo.id, pull.base.clone());
    let known = services.bases.lock().get(&key).cloned();
    if let Some(known) = known.as_ref().filter(|known| now.since_ms(known.read_at) < FRESH_MS) {
        return Ok(Some(known.base.clone()));
    }
    let Some(at) = services.forge.tip(&pull.repo, &pull.base).await? else { return Ok(None) };
    let ci = services.forge.ci(&pull.repo, &at, OWN_WORKFLOW).await?;
    let red = red_runs(&ci);
    let same = known.filter(|known| known.base.at == at && known.red == red && !red.is_empty());
    let state = match same {
        Some(known) => known.base.state,
        None => state_at(services, (pull, policy), &at, &ci).await?,
    };
    let base = Base { branch: pull.base.clone(), at, state };
    let mut kept = services.bases.lock();
    if kept.len() >= BASES_KEPT_MAX {
        kept.clear();
    }
    kept.insert(key, Kept { read_at: now, base: base.clone(), red });
    Ok(Some(base))
}

/// How CI stands on the commit that a pull request was made from: the newest one that it and its base
/// branch have in common. `None` when that is the branch's newest, or there is none.
///
/// # Errors
/// [`ServiceError`] when the forge could not be asked.
pub(super) async fn began_at(
    services: &Services,
    of: (&Pull, &Policy),
    base: &Base,
) -> Result<Option<Base>, ServiceError> {
    let (pull, repo) = (of.0, &of.0.repo);
    let common = services.forge.merge_base(repo, &base.at, &pull.head.sha).await?;
    let Some(at) = common.filter(|at| *at != base.at) else { return Ok(None) };
    let key = (repo.id, at.clone());
    let known = services.bases.older().get(&key).cloned();
    let state = match known {
        Some(state) => state,
        None => {
            let ci = services.forge.ci(repo, &at, OWN_WORKFLOW).await?;
            let state = state_at(services, of, &at, &ci).await?;
            let has_ended = matches!(ci, Ci::Green | Ci::Red(_) | Ci::Nothing);
            let mut older = services.bases.older();
            if older.len() >= BASES_KEPT_MAX {
                older.clear();
            }
            if has_ended && state != BaseState::Unknown(LOGS_LATER) {
                older.insert(key, state.clone());
            }
            state
        }
    };
    Ok(Some(Base { branch: pull.base.clone(), at, state }))
}

fn red_runs(ci: &Ci) -> Vec<CiRun> {
    match ci {
        Ci::Red(red) | Ci::Pending { red } => red.clone(),
        Ci::Nothing | Ci::Green | Ci::NeedsApproval(_) | Ci::Cancelled(_) => Vec::new(),
    }
}

/// What CI says of a commit of the base branch.
async fn state_at(
    services: &Services,
    (pull, policy): (&Pull, &Policy),
    at: &Sha,
    ci: &Ci,
) -> Result<BaseState, ServiceError> {
    let red = red_runs(ci);
    Ok(match ci {
        Ci::Red(_) | Ci::Pending { .. } if !red.is_empty() => {
            let there = Pull {
                head: Head { sha: at.clone(), branch: pull.base.clone(), repo: Some(pull.repo.id) },
                ..pull.clone()
            };
            read(services, (&there, policy), &red).await?
        }
        Ci::Pending { .. } | Ci::Red(_) => BaseState::Running,
        Ci::Green => BaseState::Green,
        Ci::Nothing => BaseState::Unknown("CI does not run on the base branch"),
        Ci::NeedsApproval(_) => BaseState::Unknown("CI of the base branch waits for approval"),
        Ci::Cancelled(_) => BaseState::Unknown("CI of the base branch was cancelled"),
    })
}

/// What is red on it, in the form in which failures are compared.
async fn read(
    services: &Services,
    of: (&Pull, &Policy),
    red: &[CiRun],
) -> Result<BaseState, ServiceError> {
    // It is nobody's case: nothing of it is kept.
    match Box::pin(reading::read(services, of, red, Purpose::Simulation)).await? {
        Read::NotYet(_) => Ok(BaseState::Unknown(LOGS_LATER)),
        Read::Evidence(evidence) => Ok(BaseState::Red(BaseRed::of(&evidence.failures))),
    }
}
