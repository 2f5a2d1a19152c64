//! The base branch: what is known of its CI, and whether a failure is its own.

use serde::{Deserialize, Serialize};

use super::{Cause, Known, is_touched};
use crate::domain::failure::{Failure, FailureKind, Fingerprint};
use crate::domain::ids::{Branch, PrNumber, Sha};

/// A failure that the base branch has, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseBreak {
    /// The base branch.
    pub branch: Branch,
    /// Its commit on which the failure was seen last.
    pub broken_at: Sha,
    /// Its commit without the failure, when there is one since.
    pub mended_at: Option<Sha>,
    /// The pull request of our own that mends it, or has mended it.
    #[serde(default)]
    pub mending: Option<PrNumber>,
}

/// The base branch's CI, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The branch.
    pub branch: Branch,
    /// Its newest commit.
    pub at: Sha,
    /// How CI stands on it.
    pub state: BaseState,
}

/// How CI stands on the base branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseState {
    /// Nothing is known; why.
    Unknown(&'static str),
    /// It has not ended, and nothing is red so far.
    Running,
    /// It is green.
    Green,
    /// It is red.
    Red(BaseRed),
}

/// What is red on the base branch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BaseRed {
    /// What was read of it; what was not understood is not among them.
    pub failures: Vec<Fingerprint>,
    /// Jobs that are red and whose logs nobody understood: `ci / test`.
    pub unread: Vec<String>,
}

impl BaseRed {
    /// What was read of it, in the form in which failures are compared.
    pub fn of(failures: &[Failure]) -> Self {
        let (unknown, known): (Vec<&Failure>, Vec<&Failure>) =
            failures.iter().partition(|failure| failure.kind == FailureKind::Unknown);
        Self {
            failures: known.into_iter().map(Failure::fingerprint).collect(),
            unread: unknown.into_iter().flat_map(|failure| failure.source.jobs.clone()).collect(),
        }
    }
}

/// What is the same on a commit of the base branch.
enum Same<'a> {
    /// The failure.
    Failure,
    /// The job, whose log nobody understood there.
    Job(&'a str),
}

fn same_on<'a>(failure: &'a Failure, base: &Base) -> Option<Same<'a>> {
    let BaseState::Red(red) = &base.state else { return None };
    // What nobody understood looks alike everywhere.
    let is_understood = failure.kind != FailureKind::Unknown;
    if is_understood && red.failures.contains(&failure.fingerprint()) {
        return Some(Same::Failure);
    }
    let job = failure.source.jobs.iter().find(|job| red.unread.contains(*job));
    job.map(|job| Same::Job(job))
}

/// Whether the pull request was made from a commit of its base branch that has it, too, while the
/// newest has it no more or its CI has not ended. CI may have run before it was mended; a file that the
/// pull request changes speaks against that.
pub(super) fn had_begun(failure: &Failure, known: &Known<'_>) -> Option<(String, BaseBreak)> {
    let (base, began) = (known.base?, known.began?);
    if began.at == base.at || is_touched(failure, known.changed_files) {
        return None;
    }
    let (branch, then, now) = (&base.branch, began.at.short(), base.at.short());
    let (since, mended_at) = match base.state {
        BaseState::Green | BaseState::Red(_) => {
            (format!("has it no more at {now}"), Some(base.at.clone()))
        }
        BaseState::Running => (format!("CI of {now} has not ended"), None),
        BaseState::Unknown(_) => return None,
    };
    let had = match same_on(failure, began)? {
        Same::Failure => format!("{branch} had it at {then}"),
        Same::Job(job) => format!("{job} was red on {branch}, too, at {then}"),
    };
    let why = format!("{had}, from which this was made, and {since}");
    let broken =
        BaseBreak { branch: branch.clone(), broken_at: began.at.clone(), mended_at, mending: None };
    Some((why, broken))
}

/// Whether the base branch has it, too, or had it when these runs were made.
pub(super) fn on_base(
    failure: &Failure,
    index: usize,
    known: &Known<'_>,
) -> Option<(String, BaseBreak)> {
    let base = known.base?;
    let branch = &base.branch;
    if let Some(same) = same_on(failure, base) {
        let here = base.at.short();
        let broken = BaseBreak {
            branch: branch.clone(),
            broken_at: base.at.clone(),
            mended_at: None,
            mending: None,
        };
        let why = match same {
            Same::Failure => format!("{branch} has the same failure at {here}"),
            Same::Job(job) => format!("{job} is red on {branch}, too, at {here}"),
        };
        return Some((why, broken));
    }
    let was = known.earlier.causes.get(index)?;
    let earlier = known.earlier.base.as_ref().filter(|_| was.cause == Cause::Base)?;
    let is_known = match base.state {
        BaseState::Green | BaseState::Red(_) => true,
        BaseState::Running | BaseState::Unknown(_) => false,
    };
    if !is_known || base.at == earlier.broken_at {
        return Some((was.why.clone(), earlier.clone()));
    }
    let mended = BaseBreak { mended_at: Some(base.at.clone()), ..earlier.clone() };
    let (then, now) = (earlier.broken_at.short(), base.at.short());
    Some((format!("{branch} had it at {then} and has it no more at {now}"), mended))
}
