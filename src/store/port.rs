//! The port, method by method; each is carried out in the module that it belongs to.

use async_trait::async_trait;

use super::SqlStore;
use crate::domain::brief::StageReport;
use crate::domain::effect::PendingEffect;
use crate::domain::evidence::Evidence;
use crate::domain::ids::{
    AttemptId, Branch, CaseId, CommentId, PrNumber, RepoId, RunId, Sha, Timestamp,
};
use crate::domain::outcome::Outcome;
use crate::domain::pull::PullHead;
use crate::ports::forge::PublishedCheck;
use crate::ports::store::{
    Admitted, Backlog, Changes, Claim, Inserted, Lease, Leased, NewDelivery, PendingDelivery,
    PullRecord, RunnerAdmission, RunnerView, Seat, Store, StoreError, Usage,
};

#[async_trait]
impl Store for SqlStore {
    async fn insert_delivery(&self, delivery: NewDelivery) -> Result<Inserted, StoreError> {
        self.inbox.insert(delivery).await
    }

    async fn claim_delivery(
        &self,
        claim: Claim,
    ) -> Result<Option<Leased<PendingDelivery>>, StoreError> {
        self.delivery_claimed(claim).await
    }

    async fn claim_pull(&self, claim: Claim) -> Result<Option<Leased<PullRecord>>, StoreError> {
        self.pull_claimed(claim).await
    }

    async fn claim_effect(
        &self,
        claim: Claim,
    ) -> Result<Option<Leased<PendingEffect>>, StoreError> {
        self.effect_claimed(claim).await
    }

    async fn apply(&self, lease: Lease, changes: Changes) -> Result<(), StoreError> {
        self.applied(lease, changes).await
    }

    async fn pulls_at(&self, repo: RepoId, sha: &Sha) -> Result<Vec<PullHead>, StoreError> {
        self.heads_at(repo, sha).await
    }

    async fn pulls_onto(&self, repo: RepoId, base: &Branch) -> Result<Vec<PullHead>, StoreError> {
        self.heads_onto(repo, base).await
    }

    async fn waiting_for_base(
        &self,
        repo: RepoId,
        base: &Branch,
    ) -> Result<Vec<PullHead>, StoreError> {
        self.heads_waiting_for(repo, base).await
    }

    async fn pull(&self, repo: RepoId, number: PrNumber) -> Result<Option<PullRecord>, StoreError> {
        self.pull_record(repo, number).await
    }

    async fn pull_of_run(&self, repo: RepoId, run: RunId) -> Result<Option<PrNumber>, StoreError> {
        self.pull_of(repo, run).await
    }

    async fn evidence(&self, case: CaseId, head: &Sha) -> Result<Option<Evidence>, StoreError> {
        self.evidence_of(case, head).await
    }

    async fn known_check(
        &self,
        repo: RepoId,
        number: PrNumber,
        head: &Sha,
    ) -> Result<Option<PublishedCheck>, StoreError> {
        self.check_on(repo, number, head).await
    }

    async fn known_comment(
        &self,
        repo: RepoId,
        number: PrNumber,
    ) -> Result<Option<CommentId>, StoreError> {
        self.comment_on(repo, number).await
    }

    async fn usage(&self, repo: RepoId, now: Timestamp) -> Result<Usage, StoreError> {
        self.usage_of(repo, now).await
    }

    async fn admit_runner(&self, admission: RunnerAdmission) -> Result<Admitted, StoreError> {
        self.admitted(admission).await
    }

    async fn runner_view(&self, attempt: AttemptId) -> Result<Option<RunnerView>, StoreError> {
        self.view_of(attempt).await
    }

    async fn record_heartbeat(&self, seat: &Seat, now: Timestamp) -> Result<(), StoreError> {
        self.heard(seat, now).await
    }

    async fn record_stage(
        &self,
        seat: &Seat,
        report: &StageReport,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.stage_recorded(seat, report, now).await
    }

    async fn record_outcome(
        &self,
        seat: &Seat,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Inserted, StoreError> {
        self.outcome_recorded(seat, outcome, now).await
    }

    async fn purge(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.purged(before).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.due_next().await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.waiting().await
    }
}
