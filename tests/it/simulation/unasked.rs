//! Ports that a history never needs anything of: what they keep is decided by nothing in it.

use async_trait::async_trait;
use selfheal::domain::autonomy::{Change, Record};
use selfheal::domain::failure::Fingerprint;
use selfheal::domain::false_fix::Fix;
use selfheal::domain::figures::CaseRecord;
use selfheal::domain::ids::{AttemptId, CaseId, PrNumber, RepoId, RepoSlug, Sha, Timestamp};
use selfheal::domain::inputs::{Given, Prompt};
use selfheal::domain::remedy::Remedy;
use selfheal::ports::figures::{Asked, FigureStore, Landed, LandedOn};
use selfheal::ports::inputs::{GivenAt, InputStore, PromptAt};
use selfheal::ports::remedies::{Kept, RemedyStore, Wanted};
use selfheal::ports::store::{Seat, StoreError};

/// Nobody asks for figures of a history, and no decision looks at them.
pub(crate) struct NoFigures;

#[async_trait]
impl FigureStore for NoFigures {
    async fn records(&self, _asked: &Asked) -> Result<Vec<CaseRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn fixes(
        &self,
        _pull: (RepoId, PrNumber),
        _fingerprints: &[Fingerprint],
        _since: Timestamp,
    ) -> Result<Vec<Fix>, StoreError> {
        Ok(Vec::new())
    }

    async fn class_record(&self, _repo: RepoId, _class: &str) -> Result<Record, StoreError> {
        Ok(Record::default())
    }

    async fn changes_told(&self, _case: CaseId) -> Result<Vec<Change>, StoreError> {
        Ok(Vec::new())
    }

    async fn changes_since(
        &self,
        _asked: &Asked,
    ) -> Result<Vec<(RepoSlug, String, Change)>, StoreError> {
        Ok(Vec::new())
    }

    async fn landed(&self, _on: LandedOn<'_>) -> Result<Vec<Landed>, StoreError> {
        Ok(Vec::new())
    }

    async fn attempts_of(
        &self,
        _repo: RepoId,
        _commits: &[Sha],
    ) -> Result<Vec<(AttemptId, Sha)>, StoreError> {
        Ok(Vec::new())
    }
}

/// Runners of a history are played; nobody gives them anything to apply.
pub(crate) struct NoRemedies;

#[async_trait]
impl RemedyStore for NoRemedies {
    async fn remedies(&self, _wanted: Wanted<'_>) -> Result<Vec<Remedy>, StoreError> {
        Ok(Vec::new())
    }

    async fn kept_remedies(
        &self,
        _repo: Option<&RepoSlug>,
        _most: u32,
    ) -> Result<Vec<Kept>, StoreError> {
        Ok(Vec::new())
    }

    async fn offer_remedies(
        &self,
        _attempt: AttemptId,
        _remedies: &[AttemptId],
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn forget_remedies(&self, _before: Timestamp, _most: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// Receipts alone are made of them.
pub(crate) struct NoInputs;

#[async_trait]
impl InputStore for NoInputs {
    async fn keep_given(
        &self,
        _attempt: AttemptId,
        _given: &Given,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn keep_prompt(
        &self,
        _seat: &Seat,
        _prompt: &Prompt,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn given(&self, _attempt: AttemptId) -> Result<Vec<GivenAt>, StoreError> {
        Ok(Vec::new())
    }

    async fn prompts(&self, _attempt: AttemptId) -> Result<Vec<PromptAt>, StoreError> {
        Ok(Vec::new())
    }
}
