//! Flaky: what came and went on the same commit, for people, the API and metrics; read, never kept.

use std::cmp::Reverse;

use serde::Serialize;

use crate::domain::flakes::{Past, TRIAL_DAYS, counted_since};
use crate::domain::ids::{RepoSlug, Timestamp};
use crate::ports::flakes::FlakeStore;
use crate::ports::store::StoreError;

/// Repositories that one answer of a server is about at most: each is a question to the store.
pub const REPOS_MAX: usize = 200;

/// Which failures are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that are proven to be flaky.
    Flaky,
    /// Everything that ran again.
    All,
}

/// What somebody wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of this repository alone.
    pub repo: Option<RepoSlug>,
    /// Which failures.
    pub which: Which,
    /// Of how many repositories at most.
    pub repos_max: usize,
}

/// What is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flakes {
    /// How long a trial counts, in days.
    pub days: i64,
    /// Whether there are more repositories than were looked at.
    pub is_cut: bool,
    /// By repository; those without a failure to tell are left out.
    pub repositories: Vec<OfRepo>,
}

/// What is known of one repository.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfRepo {
    /// Its name.
    pub repository: String,
    /// Its failures; those that were gone most often first.
    pub failures: Vec<Told>,
}

/// What is told of one failure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// By what it is known again.
    pub fingerprint: String,
    /// The test, where it is one.
    pub test: Option<String>,
    /// What people know it by.
    pub title: String,
    /// Times that it was gone.
    pub gone: u32,
    /// Times that it was there again.
    pub again: u32,
    /// The lower bound of the share of trials in which it was gone.
    pub bound: f64,
    /// Whether that proves that it is flaky.
    pub flaky: bool,
    /// When it ran again last, in RFC 3339.
    pub last: String,
}

impl OfRepo {
    fn each(&self) -> impl Iterator<Item = (&Self, &Told)> {
        self.failures.iter().map(move |told| (self, told))
    }
}

impl From<Past> for Told {
    fn from(past: Past) -> Self {
        let last = jiff::Timestamp::from_millisecond(past.last.millis()).unwrap_or_default();
        Self {
            bound: past.bound(),
            flaky: past.is_flaky(),
            fingerprint: past.fingerprint.as_str().to_owned(),
            test: past.test,
            title: past.title,
            gone: past.gone,
            again: past.again,
            last: last.to_string(),
        }
    }
}

/// What came and went.
///
/// # Errors
/// [`StoreError`] when it cannot be read.
pub async fn flakes(
    store: &dyn FlakeStore,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Flakes, StoreError> {
    let since = counted_since(now);
    let mut tried = store.tried(since).await?;
    if let Some(repo) = &wanted.repo {
        // GitHub's names do not care about case.
        let name = repo.to_string();
        tried.retain(|(_, slug)| slug.to_string().eq_ignore_ascii_case(&name));
    }
    let is_cut = tried.len() > wanted.repos_max;
    let mut repositories = Vec::new();
    for (id, slug) in tried.into_iter().take(wanted.repos_max) {
        let mut pasts = store.pasts(id, since).await?;
        pasts.retain(|past| wanted.which == Which::All || past.is_flaky());
        if !pasts.is_empty() {
            let failures = pasts.into_iter().map(Told::from).collect();
            repositories.push(OfRepo { repository: slug.to_string(), failures });
        }
    }
    Ok(Flakes { days: TRIAL_DAYS, is_cut, repositories })
}

/// Flaky failures that [`Counts::worst`] names at most: each is two lines of the metrics.
const WORST_MAX: usize = 50;

/// How much came and went, in all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Failures that are flaky.
    pub flaky: u64,
    /// Failures that ran again, and of which that is not proven.
    pub not_proven: u64,
    /// Trials after which they were gone.
    pub gone: u64,
    /// Trials after which they were there again.
    pub again: u64,
    /// The flaky ones that were gone most often.
    pub worst: Vec<OfTest>,
}

/// How often one flaky failure came and went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfTest {
    /// Its repository's name.
    pub repository: String,
    /// Its test, or the failure's title where it is none.
    pub test: String,
    /// By what it is known again.
    pub fingerprint: String,
    /// Times that it was gone.
    pub gone: u32,
    /// Times that it was there again.
    pub again: u32,
}

impl OfTest {
    fn new(repository: &str, told: &Told) -> Self {
        Self {
            repository: repository.to_owned(),
            test: told.test.as_ref().unwrap_or(&told.title).clone(),
            fingerprint: told.fingerprint.clone(),
            gone: told.gone,
            again: told.again,
        }
    }
}

impl Flakes {
    /// Counts everything that is told.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (of, told) in self.repositories.iter().flat_map(OfRepo::each) {
            if told.flaky {
                counts.flaky += 1;
                counts.worst.push(OfTest::new(&of.repository, told));
            } else {
                counts.not_proven += 1;
            }
            counts.gone += u64::from(told.gone);
            counts.again += u64::from(told.again);
        }
        counts.worst.sort_by_key(|of| Reverse(of.gone));
        counts.worst.truncate(WORST_MAX);
        counts
    }
}
