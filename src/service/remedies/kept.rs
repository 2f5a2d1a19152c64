//! What is kept of remedies, for people and the API: what healed, how often it was used since, and what
//! ended it. Read, never kept; lines of code are not among it.

use serde::Serialize;

use crate::domain::ids::RepoSlug;
use crate::domain::remedy::IN_VAIN_MAX;
use crate::ports::remedies::{Kept, RemedyStore};
use crate::ports::store::StoreError;

/// Remedies of one answer: what a person looks through, and an answer that fits in memory (each holds
/// at most 16 KiB of lines while it is read).
pub const TOLD_MAX: u32 = 500;

/// What is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Whether there are more than were looked at.
    pub is_cut: bool,
    /// The newest first.
    pub remedies: Vec<Told>,
}

/// What is told of one remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The attempt whose fix it is: its name.
    pub remedy: String,
    /// The repository.
    pub repository: String,
    /// The pull request.
    pub pull: u64,
    /// The commit.
    pub commit: String,
    /// The class of what it healed.
    pub class: Option<String>,
    /// What it healed, by fingerprint; the root cause first.
    pub fingerprints: Vec<String>,
    /// Files that it changes.
    pub files: Vec<String>,
    /// Whether other repositories of its owner may have it.
    pub shared: bool,
    /// When it was filed, in RFC 3339.
    pub filed: String,
    /// How often it has healed since.
    pub heals: u32,
    /// How often it was applied in vain.
    pub in_vain: u32,
    /// Whether it is tried.
    pub state: State,
    /// Why it is tried no more.
    pub why: Option<String>,
}

/// Whether a remedy is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is.
    Tried,
    /// No more, because it was in vain too often.
    Spent,
    /// No more, because a fix with it was wrong.
    Ended,
}

impl State {
    /// The name for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tried => "tried",
            Self::Spent => "spent",
            Self::Ended => "ended",
        }
    }
}

impl From<Kept> for Told {
    fn from(kept: Kept) -> Self {
        let remedy = &kept.remedy;
        let words = |sign: &str| sign.replace('_', " ");
        let (state, why) = match (&kept.against, &kept.against_use) {
            (Some(sign), _) => (State::Ended, Some(format!("its fix: {}", words(sign)))),
            (None, Some(sign)) => {
                (State::Ended, Some(format!("a fix that applied it: {}", words(sign))))
            }
            (None, None) if remedy.is_spent() => {
                let (in_vain, heals) = (remedy.in_vain, remedy.heals);
                let why = format!(
                    "in vain {in_vain} times and healed {heals}; {IN_VAIN_MAX} more are too many"
                );
                (State::Spent, Some(why))
            }
            (None, None) => (State::Tried, None),
        };
        let filed = jiff::Timestamp::from_millisecond(remedy.filed_at.millis()).unwrap_or_default();
        let cures = remedy.body.cures.iter();
        Self {
            remedy: remedy.id.to_string(),
            repository: remedy.slug.to_string(),
            pull: remedy.number.get(),
            commit: remedy.commit.as_str().to_owned(),
            class: kept.class,
            fingerprints: cures.map(|cure| cure.fingerprint.as_str().to_owned()).collect(),
            files: remedy.body.edits.iter().map(|edit| edit.path.to_string()).collect(),
            shared: remedy.shared,
            filed: filed.to_string(),
            heals: remedy.heals,
            in_vain: remedy.in_vain,
            state,
            why,
        }
    }
}

/// What is kept, of one repository or of all.
///
/// # Errors
/// [`StoreError`] when it cannot be read.
pub async fn kept(store: &dyn RemedyStore, repo: Option<&RepoSlug>) -> Result<Listed, StoreError> {
    let mut found = store.kept_remedies(repo, TOLD_MAX + 1).await?;
    let most = usize::try_from(TOLD_MAX).unwrap_or(usize::MAX);
    let is_cut = found.len() > most;
    found.truncate(most);
    Ok(Listed { is_cut, remedies: found.into_iter().map(Told::from).collect() })
}
