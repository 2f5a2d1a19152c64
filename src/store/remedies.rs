//! Remedies: filed and counted in the very step that it happened in; which of them still stand is
//! asked when they are read.
//!
//! Races: a fix turns out wrong while it is filed: the sign is a row of its own, and whoever reads
//! remedies looks for it. A runner says twice that a remedy was of no use: the first word counts. A
//! remedy is withdrawn while a runner tries it: what comes of it is a patch like any other, and the
//! gate and CI judge it.

use async_trait::async_trait;
use serde_json::json;
use sqlx::FromRow;

use super::apply::run;
use super::db::{Tx, args};
use super::rows::{inconsistent, number};
use super::steps::{given, text};
use super::{SqlStore, sql, unavailable};
use crate::domain::ids::{AttemptId, InstallationId, PrNumber, RepoId, RepoSlug, Sha, Timestamp};
use crate::domain::outcome::Outcome;
use crate::domain::remedy::{Filed, NewRemedy, Remedy, remedy_of};
use crate::ports::remedies::{Kept, REMEDIES_READ_MAX, RemedyStore, Wanted};
use crate::ports::store::StoreError;

/// What came of a remedy that an attempt was given.
#[derive(Debug, Clone, Copy)]
pub(super) enum Came {
    /// It applied, and what was red stayed red.
    InVain,
    /// It is the fix that the attempt proposes.
    Proposed,
}

impl Came {
    const fn as_str(self) -> &'static str {
        match self {
            Self::InVain => "in_vain",
            Self::Proposed => "proposed",
        }
    }
}

#[derive(Debug, FromRow)]
struct RemedyRow {
    attempt_id: String,
    installation_id: i64,
    repo_id: i64,
    slug: String,
    number: i64,
    commit_sha: String,
    shared: i64,
    body: String,
    filed_at_ms: i64,
    heals: i64,
    in_vain: i64,
}

impl RemedyRow {
    fn into_remedy(self) -> Result<Remedy, StoreError> {
        let wrong = |what: &dyn std::fmt::Display| inconsistent("remedies", &self.attempt_id, what);
        let id = |number: i64| u64::try_from(number).map_err(|error| wrong(&error));
        let count = |times: i64| u32::try_from(times).unwrap_or(u32::MAX);
        Ok(Remedy {
            id: AttemptId::parse(&self.attempt_id).map_err(|error| wrong(&error))?,
            owner: InstallationId::new(id(self.installation_id)?),
            repo: RepoId::new(id(self.repo_id)?),
            slug: RepoSlug::parse(&self.slug).map_err(|error| wrong(&error))?,
            number: PrNumber::new(id(self.number)?),
            commit: Sha::parse(&self.commit_sha).map_err(|error| wrong(&error))?,
            shared: self.shared == 1,
            body: serde_json::from_str(&self.body).map_err(|error| wrong(&error))?,
            filed_at: Timestamp::from_millis(self.filed_at_ms),
            heals: count(self.heals),
            in_vain: count(self.in_vain),
        })
    }
}

/// A remedy with what speaks against it.
#[derive(Debug, FromRow)]
struct KeptRow {
    #[sqlx(flatten)]
    remedy: RemedyRow,
    class: Option<String>,
    against: Option<String>,
    against_use: Option<String>,
}

impl KeptRow {
    fn into_kept(self) -> Result<Kept, StoreError> {
        Ok(Kept {
            remedy: self.remedy.into_remedy()?,
            class: self.class,
            against: self.against,
            against_use: self.against_use,
        })
    }
}

#[async_trait]
impl RemedyStore for SqlStore {
    async fn kept_remedies(
        &self,
        repo: Option<&RepoSlug>,
        most: u32,
    ) -> Result<Vec<Kept>, StoreError> {
        let repo = repo.map(ToString::to_string).unwrap_or_default();
        let args = args![repo, i64::from(most)];
        let rows: Vec<KeptRow> =
            self.db.rows(sql::remedies::KEPT, args).await.map_err(unavailable)?;
        rows.into_iter().map(KeptRow::into_kept).collect()
    }

    async fn remedies(&self, wanted: Wanted<'_>) -> Result<Vec<Remedy>, StoreError> {
        if wanted.shapes.is_empty() {
            return Ok(Vec::new());
        }
        let shapes = wanted.shapes.iter().map(|shape| json!({ "shape": shape.as_str() }));
        let mut about = given(shapes.collect());
        about.extend(args![
            number(wanted.owner.get()),
            number(wanted.repo.get()),
            wanted.attempt.to_string(),
            i64::try_from(REMEDIES_READ_MAX).unwrap_or(i64::MAX),
        ]);
        let rows: Vec<RemedyRow> =
            self.db.rows(sql::remedies::REMEDIES, about).await.map_err(unavailable)?;
        rows.into_iter().map(RemedyRow::into_remedy).collect()
    }

    async fn offer_remedies(
        &self,
        attempt: AttemptId,
        remedies: &[AttemptId],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if remedies.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        for remedy in remedies {
            let args = args![attempt.to_string(), remedy.to_string(), now.millis()];
            run(&mut tx, sql::remedies::OFFER, args).await?;
        }
        tx.commit().await.map_err(unavailable)
    }

    async fn forget_remedies(&self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let args = args![before.millis(), i64::from(most)];
        run(&mut tx, sql::remedies::FORGET_SHAPES, args).await?;
        run(&mut tx, sql::remedies::FORGET_OFFERS, Vec::new()).await?;
        let gone = run(&mut tx, sql::remedies::FORGET_REMEDIES, Vec::new()).await?;
        tx.commit().await.map_err(unavailable)?;
        Ok(gone)
    }
}

/// Writes what a step says of remedies.
pub(super) async fn file(tx: &mut Tx, all: &[Filed], now: Timestamp) -> Result<(), StoreError> {
    for filed in all {
        match filed {
            Filed::New(new) => add(tx, new, now).await?,
            Filed::Again { attempt, remedy } => {
                let args = args![attempt.to_string(), remedy.to_string(), now.millis()];
                run(tx, sql::remedies::HEALED, args).await?;
            }
        }
    }
    Ok(())
}

async fn add(tx: &mut Tx, new: &NewRemedy, now: Timestamp) -> Result<(), StoreError> {
    let id = new.attempt.to_string();
    let body =
        serde_json::to_string(&new.body).map_err(|error| inconsistent("remedies", &id, error))?;
    let row = json!({
        "attempt_id": id, "installation_id": number(new.owner.get()),
        "repo_id": number(new.repo.get()), "number": number(new.number.get()),
        "commit_sha": new.commit.as_str(), "shared": i64::from(new.shared),
        "body": text(body), "filed_at_ms": now.millis(),
    });
    run(tx, sql::remedies::FILE, given(vec![row])).await?;
    let shape = |shape: &str| json!({ "attempt_id": id, "shape": shape });
    let mut shapes: Vec<&str> = new.body.cures.iter().map(|cure| cure.shape.as_str()).collect();
    shapes.sort_unstable();
    shapes.dedup();
    let rows = shapes.into_iter().map(shape).collect();
    run(tx, sql::remedies::FILE_SHAPES, given(rows)).await?;
    Ok(())
}

/// Notes what came of a remedy, in the transaction of what a runner reports.
pub(super) async fn came(
    tx: &mut Tx,
    (attempt, remedy): (AttemptId, AttemptId),
    came: Came,
    now: Timestamp,
) -> Result<(), StoreError> {
    let args = args![attempt.to_string(), remedy.to_string(), came.as_str(), now.millis()];
    run(tx, sql::remedies::CAME, args).await?;
    Ok(())
}

/// Notes that an outcome is a remedy's, if it is.
pub(super) async fn proposed(
    tx: &mut Tx,
    attempt: AttemptId,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    match outcome.fixer().and_then(remedy_of) {
        Some(remedy) => came(tx, (attempt, remedy), Came::Proposed, now).await,
        None => Ok(()),
    }
}
