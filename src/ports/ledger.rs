//! The ledger of model calls: what each may take is reserved before it is made, and settled after.
//!
//! Promises: a reservation is checked against every cap and written in one transaction, so that
//! calls in parallel, on any number of replicas, never hold and settle more than a cap together.
//! What was reserved stays charged until it is settled, whatever ends: the stream, the server, the
//! machine. Forgetting old calls changes no sum that a cap is held against.
//!
//! Races: two calls reserve at once: one waits for the other. A call is settled twice, or after it
//! was given up: the first counts, the second changes nothing. A call is reserved under an hour that
//! is over when it is settled: it is settled in the hour in which it was reserved.

use async_trait::async_trait;

use super::store::StoreError;
use crate::domain::ids::{AttemptId, CallId, CaseId, PrNumber, RepoId, Timestamp};
use crate::domain::ledger::{Amount, Caps, Grant, Refusal, Usage, Wish};
use crate::domain::model::{ModelName, Provider, Tokens};
use crate::domain::money::Usd;
use crate::domain::pull::Repo;

/// How far back the caps of a day look. Counted in whole hours, so a charge counts for 24 to 25.
pub const DAY_HOURS: i64 = 24;

/// Whose calls they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its case.
    pub case: CaseId,
    /// The repository.
    pub repo: Repo,
    /// The pull request.
    pub number: PrNumber,
    /// SHA-256 of the bearer token that is valid, with its end.
    pub token: Option<(String, Timestamp)>,
    /// Whether the attempt is at work.
    pub is_live: bool,
}

/// A call that shall be made.
#[derive(Debug, Clone)]
pub struct NewCall {
    /// Its id.
    pub id: CallId,
    /// The attempt that makes it.
    pub attempt: AttemptId,
    /// Whose model it is.
    pub provider: Provider,
    /// The model.
    pub model: ModelName,
    /// The version of the price list that its cost is told by.
    pub prices: String,
    /// What it would take.
    pub wish: Wish,
    /// What may be taken.
    pub caps: Caps,
    /// Now.
    pub now: Timestamp,
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// It may, within that.
    Yes(Grant),
    /// A cap has too little left.
    No(Refusal),
    /// Its attempt is not at work any more.
    AttemptOver,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bill {
    /// The provider's own figure, and what that costs.
    Figure(Tokens, Usd),
    /// The provider did not do it, so it costs nothing.
    Nothing,
    /// Nobody knows: all that it held stays charged.
    Unknown,
}

/// Whether a call was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was.
    Now,
    /// It was, and took more than it had held: its bound was wrong, or its provider kept to no limit.
    Above,
    /// It was before.
    Before,
}

/// What calls of a model took together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// Whose model it is.
    pub provider: Provider,
    /// The model.
    pub model: ModelName,
    /// How many calls.
    pub calls: u64,
    /// How many of them are under way, or were never heard of again.
    pub unsettled: u64,
    /// The tokens that the provider counted.
    pub tokens: Tokens,
    /// What is charged: costs of those that are settled, reservations of those that are not.
    pub charged: Amount,
}

/// Keeps account of what models cost.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Whose calls an attempt's are; `None` when there is no such attempt.
    async fn account(&self, attempt: AttemptId) -> Result<Option<Account>, StoreError>;

    /// What was taken of each cap that a new attempt of that case would be held against; without a case,
    /// of those of its pull request and wider.
    async fn usage(
        &self,
        case: Option<CaseId>,
        repo: RepoId,
        number: PrNumber,
        now: Timestamp,
    ) -> Result<Usage, StoreError>;

    /// Holds what a call may take, if every cap has room for it and its attempt is at work.
    async fn reserve(&self, call: NewCall) -> Result<Reserved, StoreError>;

    /// Writes what came of a call, and gives back what it held and did not take.
    async fn settle(&self, call: CallId, bill: Bill, now: Timestamp)
    -> Result<Settled, StoreError>;

    /// What the calls of an attempt took, by model.
    async fn spent(&self, attempt: AttemptId) -> Result<Vec<Spent>, StoreError>;

    /// How many calls that were reserved since that time took more than they had held.
    async fn overruns(&self, since: Timestamp) -> Result<u64, StoreError>;

    /// Settles what was reserved before that time and never settled: it stays charged. How many.
    async fn give_up_calls(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError>;

    /// Forgets calls that were settled and reserved before that time; no sum changes that a cap is
    /// held against, as long as that is more than a day ago. How many rows went.
    async fn forget_calls(&self, before: Timestamp) -> Result<u64, StoreError>;
}
