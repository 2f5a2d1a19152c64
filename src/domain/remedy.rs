//! Remedies: fixes that healed, tried first when the same failure comes again.
//!
//! A remedy is what a commit of ours changed, as small edits with the lines around them, filed under
//! the failures that it healed. It is applied by text alone, so it costs nothing, and it opens no
//! door: what it changes is proven and judged like any other patch.
//!
//! The invariants: a remedy serves the account that owned its repository when it was filed and no
//! other ([`offers`] asks again, whatever the store found), and it applies whole or not at all
//! ([`apply`]). What nobody understood is no name to file anything under.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::failure::{Failure, FailureKind, Fingerprint, Shape};
use super::ids::{AttemptId, InstallationId, PrNumber, RepoId, RepoPath, RepoSlug, Sha, Timestamp};
use super::policy::Remedies;

mod edits;

pub use edits::{BYTES_MAX, Change, Edit, FILES_MAX, HUNKS_MAX, Hunk, apply, edits};

/// Failures that one remedy is filed under; the first are the root causes.
pub const CURES_MAX: usize = 20;

/// Remedies that one attempt is given; trying each takes a run of the failing commands.
pub const OFFERS_MAX: usize = 3;

/// A remedy that was applied in vain more often than it healed, by so many, is tried no more.
pub const IN_VAIN_MAX: u32 = 3;

/// How long a remedy is kept that heals nothing any more.
pub const KEPT_DAYS: i64 = 180;

/// Remedies of one repository; of more, the oldest go.
pub const PER_REPOSITORY_MAX: u32 = 200;

/// What stands before a remedy's id where fixers are named.
const FIXER_PREFIX: &str = "remedy:";

/// The name of a remedy among fixers.
pub fn fixer_of(remedy: AttemptId) -> String {
    format!("{FIXER_PREFIX}{remedy}")
}

/// The remedy that a fixer's name says.
pub fn remedy_of(fixer: &str) -> Option<AttemptId> {
    AttemptId::parse(fixer.strip_prefix(FIXER_PREFIX)?).ok()
}

/// A failure that a remedy healed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cure {
    /// The failure.
    pub fingerprint: Fingerprint,
    /// The same without its file: what other files and repositories have, too.
    pub shape: Shape,
    /// Its file.
    pub file: Option<RepoPath>,
}

/// What remedies for these failures are found by, each once.
pub fn cures(failures: &[Failure]) -> Vec<Cure> {
    let mut cures: Vec<Cure> = Vec::new();
    for failure in failures.iter().filter(|failure| is_told_apart(failure.counts_as())) {
        let cure = Cure {
            fingerprint: failure.fingerprint(),
            shape: failure.shape(),
            file: failure.file.clone(),
        };
        if cures.len() < CURES_MAX && !cures.contains(&cure) {
            cures.push(cure);
        }
    }
    cures
}

/// Whether its words tell it from others of its kind.
const fn is_told_apart(kind: FailureKind) -> bool {
    !kind.is_of_machines() && !matches!(kind, FailureKind::Unknown)
}

/// What a remedy holds, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// What it healed.
    pub cures: Vec<Cure>,
    /// How.
    pub edits: Vec<Edit>,
}

/// A fix that healed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// The attempt whose fix it is: its name.
    pub id: AttemptId,
    /// Whose repository it was, by the installation on that account.
    pub owner: InstallationId,
    /// The repository.
    pub repo: RepoId,
    /// Its name, for people.
    pub slug: RepoSlug,
    /// The pull request.
    pub number: PrNumber,
    /// The commit.
    pub commit: Sha,
    /// Whether its repository shares what healed with others of its owner.
    pub shared: bool,
    /// What it healed and how.
    pub body: Body,
    /// When it was filed.
    pub filed_at: Timestamp,
    /// How often it has healed since.
    pub heals: u32,
    /// How often it was applied in vain.
    pub in_vain: u32,
}

impl Remedy {
    /// Whether it failed too often to be tried.
    pub const fn is_spent(&self) -> bool {
        self.in_vain >= self.heals.saturating_add(IN_VAIN_MAX)
    }
}

/// A fix to be filed: what CI has called green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRemedy {
    /// The attempt whose fix it is.
    pub attempt: AttemptId,
    /// Who owns the repository.
    pub owner: InstallationId,
    /// The repository.
    pub repo: RepoId,
    /// The pull request.
    pub number: PrNumber,
    /// The commit.
    pub commit: Sha,
    /// Whether other repositories of its owner may have it.
    pub shared: bool,
    /// What it healed and how.
    pub body: Body,
}

/// What a green commit says of remedies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filed {
    /// Its fix is one from now on.
    New(Box<NewRemedy>),
    /// Its attempt applied one, which has healed again.
    Again {
        /// The attempt.
        attempt: AttemptId,
        /// The remedy.
        remedy: AttemptId,
    },
}

/// A remedy as a runner is given it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Which one.
    pub remedy: AttemptId,
    /// Where it comes from, for people: `pull request 12 of acme/widget (1a2b3c4)`.
    pub from: String,
    /// What it does.
    pub edits: Vec<Edit>,
}

/// Who remedies are for.
#[derive(Debug, Clone, Copy)]
pub struct Taker<'a> {
    /// Who owns the repository.
    pub owner: InstallationId,
    /// The repository.
    pub repo: RepoId,
    /// What its policy allows.
    pub allowed: Remedies,
    /// What failed, root cause first.
    pub failed: &'a [Cure],
}

/// Those of the known remedies that an attempt is given, the most promising first.
pub fn offers(known: &[Remedy], taker: &Taker<'_>) -> Vec<Offer> {
    let mut fitting: Vec<(&Remedy, usize, Vec<Edit>)> = known
        .iter()
        .filter(|remedy| may_serve(remedy, taker))
        .filter(|remedy| !remedy.is_spent())
        .filter_map(|remedy| {
            let (exactly, edits) = for_failures(&remedy.body, taker.failed)?;
            Some((remedy, exactly, edits))
        })
        .collect();
    fitting.sort_by_key(|(remedy, exactly, _)| {
        let is_elsewhere = remedy.repo != taker.repo;
        let worth = i64::from(remedy.heals) - i64::from(remedy.in_vain);
        let newest = (std::cmp::Reverse(remedy.filed_at), remedy.id);
        (std::cmp::Reverse(*exactly), is_elsewhere, std::cmp::Reverse(worth), newest)
    });
    let offer = |(remedy, _, edits): (&Remedy, usize, Vec<Edit>)| Offer {
        remedy: remedy.id,
        from: format!(
            "pull request {} of {} ({})",
            remedy.number,
            remedy.slug,
            remedy.commit.short()
        ),
        edits,
    };
    let mut offers: Vec<Offer> = Vec::new();
    for new in fitting.into_iter().map(offer) {
        // The same fix, filed twice, is tried once.
        if offers.len() < OFFERS_MAX && !offers.iter().any(|known| known.edits == new.edits) {
            offers.push(new);
        }
    }
    offers
}

/// Whether a remedy may be used there at all.
fn may_serve(remedy: &Remedy, taker: &Taker<'_>) -> bool {
    if remedy.owner != taker.owner {
        return false;
    }
    match taker.allowed {
        Remedies::None => false,
        Remedies::Repository => remedy.repo == taker.repo,
        Remedies::Owner => remedy.repo == taker.repo || remedy.shared,
    }
}

/// How many of the failures are the very ones that it healed, and its edits, in the files in which
/// they are now; `None` where no failure is like one that it healed.
fn for_failures(body: &Body, failed: &[Cure]) -> Option<(usize, Vec<Edit>)> {
    let is_the_same = |cure: &&Cure| failed.iter().any(|it| it.fingerprint == cure.fingerprint);
    let exactly = body.cures.iter().filter(is_the_same).count();
    if exactly > 0 {
        return Some((exactly, body.edits.clone()));
    }
    let mut moved: BTreeMap<&RepoPath, &RepoPath> = BTreeMap::new();
    let mut is_like = false;
    for cure in &body.cures {
        for now in failed.iter().filter(|now| now.shape == cure.shape) {
            is_like = true;
            if let (Some(from), Some(to)) = (&cure.file, &now.file) {
                moved.entry(from).or_insert(to);
            }
        }
    }
    if !is_like {
        return None;
    }
    let edits = body.edits.iter().map(|edit| match (&edit.change, moved.get(&edit.path)) {
        (Change::At(_), Some(path)) => Edit { path: (*path).clone(), ..edit.clone() },
        (Change::At(_) | Change::Made(_), _) => edit.clone(),
    });
    let edits: Vec<Edit> = edits.collect();
    let is_twice = |edit: &Edit| edits.iter().filter(|other| other.path == edit.path).count() > 1;
    (!edits.iter().any(is_twice)).then_some((0, edits))
}

#[cfg(test)]
mod tests;
