//! What runners say: recorded at any time, without a lease, read by the next decision.

use super::apply::wake;
use super::db::{Arg, Tx, args};
use super::remedies::Came;
use super::rows::{inconsistent, number};
use super::{SqlStore, figures, remedies, sql, unavailable};
use crate::domain::brief::StageReport;
use crate::domain::figures::Mark;
use crate::domain::ids::{AttemptId, Timestamp};
use crate::domain::outcome::Outcome;
use crate::domain::remedy::OFFERS_MAX;
use crate::ports::store::{Admitted, Inserted, RunnerAdmission, Seat, StoreError};

/// Old deliveries that one transaction forgets: others wait for it to write.
const PURGED_AT_ONCE: i64 = 5_000;

impl SqlStore {
    pub(super) async fn admitted(
        &self,
        admission: RunnerAdmission,
    ) -> Result<Admitted, StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let open: Vec<(String,)> = tx
            .rows(sql::runners::OPEN_ATTEMPT, args![admission.attempt.to_string()])
            .await
            .map_err(unavailable)?;
        if open.is_empty() {
            return Ok(Admitted::AttemptOver);
        }
        let now = admission.now.millis();
        let used = tx
            .run(sql::runners::USE_IDENTITY, args![admission.identity, now])
            .await
            .map_err(unavailable)?;
        if used == 0 {
            return Ok(Admitted::IdentityUsed);
        }
        let args = args![
            admission.attempt.to_string(),
            admission.run.map(|run| number(run.get())),
            now,
            admission.token_hash,
            admission.token_until.millis(),
        ];
        tx.run(sql::runners::ADMIT, args).await.map_err(unavailable)?;
        figures::mark(&mut tx, admission.attempt, Mark::Admitted, admission.now).await?;
        tx.commit().await.map_err(unavailable)?;
        Ok(Admitted::Yes)
    }

    pub(super) async fn heard(&self, seat: &Seat, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let mut args = sat_on(seat);
        args.push(Arg::from(now.millis()));
        if tx.run(sql::runners::HEARD, args).await.map_err(unavailable)? != 1 {
            return Err(not_heard(&mut tx, seat).await);
        }
        tx.commit().await.map_err(unavailable)
    }

    pub(super) async fn stage_recorded(
        &self,
        seat: &Seat,
        report: &StageReport,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let attempt = seat.attempt;
        let id = attempt.to_string();
        let work = serde_json::to_string(&report.work_in_progress)
            .map_err(|error| inconsistent("runner_reports", attempt, error))?;
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let round = i64::from(report.round);
        let mut args = sat_on(seat);
        args.extend(args![report.stage.as_str(), round, work, now.millis()]);
        if tx.run(sql::runners::SET_STAGE, args).await.map_err(unavailable)? != 1 {
            return Err(not_heard(&mut tx, seat).await);
        }
        for document in &report.documents {
            let args = args![
                id.clone(),
                document.name.as_str(),
                i64::from(document.round),
                document.body.as_str(),
            ];
            tx.run(sql::runners::SET_DOCUMENT, args).await.map_err(unavailable)?;
        }
        if let Some(mark) = Mark::of_stage(report.stage) {
            figures::mark(&mut tx, attempt, mark, now).await?;
        }
        // It was given no more than these; what else it names is not heard.
        for remedy in report.remedies_in_vain.iter().take(OFFERS_MAX) {
            remedies::came(&mut tx, (attempt, *remedy), Came::InVain, now).await?;
        }
        super::checkpoints::forget(&mut tx, attempt).await?;
        tx.commit().await.map_err(unavailable)
    }

    pub(super) async fn outcome_recorded(
        &self,
        seat: &Seat,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Inserted, StoreError> {
        let attempt = seat.attempt;
        let body = serde_json::to_string(outcome)
            .map_err(|error| inconsistent("runner_reports", attempt, error))?;
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        let Some((repo, pull)) = pull_of(&mut tx, attempt).await? else {
            return Err(missing(attempt));
        };
        let mut args = sat_on(seat);
        args.extend(args![body, now.millis()]);
        if tx.run(sql::runners::SET_OUTCOME, args).await.map_err(unavailable)? == 0 {
            let refusal = refusal(&mut tx, seat).await?;
            return refusal.map_or(Ok(Inserted::Duplicate), Err);
        }
        figures::mark(&mut tx, attempt, Mark::Ended, now).await?;
        remedies::proposed(&mut tx, attempt, outcome, now).await?;
        wake(&mut tx, repo, pull, now).await?;
        tx.tell().await.map_err(unavailable)?;
        tx.commit().await.map_err(unavailable)?;
        Ok(Inserted::New)
    }

    pub(super) async fn purged(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut gone = self.deliveries_purged(before).await?;
        let mut tx = self.db.begin().await.map_err(unavailable)?;
        for statement in [
            sql::pulls::PURGE_ASKS,
            sql::effects::PURGE_EFFECTS,
            sql::runners::PURGE_IDENTITIES,
            sql::checkpoints::PURGE_CHECKPOINTS,
        ] {
            gone += tx.run(statement, args![before.millis()]).await.map_err(unavailable)?;
        }
        tx.commit().await.map_err(unavailable)?;
        Ok(gone)
    }

    /// Forgets old deliveries, a few at a time.
    async fn deliveries_purged(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let mut tx = self.db.begin().await.map_err(unavailable)?;
            let args = args![before.millis(), PURGED_AT_ONCE];
            let some = tx.run(sql::inbox::PURGE_DELIVERIES, args).await.map_err(unavailable)?;
            tx.commit().await.map_err(unavailable)?;
            gone += some;
            if number(some) < PURGED_AT_ONCE {
                return Ok(gone);
            }
        }
    }
}

/// What a statement asks a runner for.
pub(super) fn sat_on(seat: &Seat) -> Vec<Arg> {
    args![seat.attempt.to_string(), seat.token_hash.as_str()]
}

/// Why a runner is not heard: none was let in, or another one was since.
pub(super) async fn refusal(tx: &mut Tx, seat: &Seat) -> Result<Option<StoreError>, StoreError> {
    let rows: Vec<(i64,)> =
        tx.rows(sql::runners::LAST_LET_IN, sat_on(seat)).await.map_err(unavailable)?;
    Ok(match rows.first() {
        None => Some(missing(seat.attempt)),
        Some((1,)) => None,
        Some(_) => Some(StoreError::LeaseLost(format!("the attempt {}", seat.attempt))),
    })
}

/// The same, where a statement has found that it is not heard.
pub(super) async fn not_heard(tx: &mut Tx, seat: &Seat) -> StoreError {
    match refusal(tx, seat).await {
        Ok(Some(error)) | Err(error) => error,
        Ok(None) => missing(seat.attempt),
    }
}

fn missing(attempt: AttemptId) -> StoreError {
    StoreError::Missing(format!("the attempt {attempt}"))
}

async fn pull_of(tx: &mut Tx, attempt: AttemptId) -> Result<Option<(i64, i64)>, StoreError> {
    let rows: Vec<(i64, i64)> = tx
        .rows(sql::runners::PULL_OF_ATTEMPT, args![attempt.to_string()])
        .await
        .map_err(unavailable)?;
    Ok(rows.into_iter().next())
}
