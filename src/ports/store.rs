//! The store: everything that must survive, in domain words.
//!
//! Three kinds of work wait in it: deliveries (inbox), pull requests that shall be looked at, and
//! effects (outbox). Work is claimed under a [`Lease`]; [`Store::apply`] consumes the lease, checks
//! its epoch and writes everything that a step decided in one transaction. A worker whose lease was
//! taken over by another therefore cannot write.
//!
//! What handlers and runners say is recorded at any time without a lease, in tables of its own, and
//! read by the next decision; so a report never races a decision.
//!
//! Races: two workers claim at once: one gets the row. A lease runs out while its holder works: the
//! next claim raises the epoch, the old holder's `apply` answers [`StoreError::LeaseLost`]. An
//! effect is replaced while it is performed: its revision differs at the end, so it stays pending.

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::ask::{Ask, Heed};
use crate::domain::attempt::Attempt;
pub use crate::domain::attempt::AttemptRecord;
use crate::domain::autonomy::Changed;
use crate::domain::brief::StageReport;
use crate::domain::case::{Case, CaseState};
use crate::domain::document::Document;
use crate::domain::effect::{Effect, EffectResult, PendingEffect};
use crate::domain::evidence::Evidence;
use crate::domain::failure::Fingerprint;
use crate::domain::false_fix::FalseFix;
use crate::domain::flakes::Trial;
use crate::domain::ids::{
    AttemptId, CaseId, CommentId, DeliveryId, EffectId, InstallationId, PrNumber, RepoId, RunId,
    Sha, Timestamp,
};
use crate::domain::outcome::Outcome;
use crate::domain::patch::Patch;
use crate::domain::pull::{PullHead, Repo};
use crate::domain::remedy::Filed;
use crate::ports::forge::PublishedCheck;

/// Why the store did not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database cannot be reached, is full or is locked; later may do.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// So many deliveries wait to be read that no more are taken; later may do.
    #[error("{waiting} deliveries wait to be read, no more are taken now")]
    Full {
        /// How many wait.
        waiting: u64,
    },
    /// Somebody else took the work over; nothing was written.
    #[error("the lease on {0} was lost")]
    LeaseLost(String),
    /// An attempt was to begin, and as many are at work as may be; nothing was written.
    #[error("as many attempts are at work as may be")]
    NoRoom,
    /// A row says what no code of ours writes.
    #[error("table {table}, row {id}: {what}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The row.
        id: String,
        /// What is wrong with it.
        what: String,
    },
    /// The row is not there.
    #[error("{0} is not in the store")]
    Missing(String),
}

/// A delivery as it arrived, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The forge's id of it.
    pub id: DeliveryId,
    /// The event's name, from the header.
    pub event: String,
    /// The repository that it is about, if any: nobody's deliveries hold up those of others.
    pub repo: Option<RepoId>,
    /// What is kept of its body.
    pub body: bytes::Bytes,
    /// When it arrived, or when the forge says that it tried to deliver it.
    pub received_at: Timestamp,
}

/// Whether a delivery is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is, and it is durable.
    New,
    /// It was there already.
    Duplicate,
}

/// What work a lease is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Work {
    /// A delivery.
    Delivery(DeliveryId),
    /// A pull request.
    Pull(RepoId, PrNumber),
    /// An effect.
    Effect(EffectId),
}

/// The right to write what came of a piece of work; used up by [`Store::apply`].
#[derive(Debug)]
pub struct Lease {
    /// The work.
    pub work: Work,
    /// Raised with every claim; a write with an older epoch is refused.
    pub epoch: i64,
    /// When others may take the work over.
    pub until: Timestamp,
}

/// Something claimed, and the right to write what comes of it.
#[derive(Debug)]
pub struct Leased<T> {
    /// The right to write.
    pub lease: Lease,
    /// What was claimed.
    pub item: T,
}

/// When work is claimed, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Now.
    pub now: Timestamp,
    /// How long the claim lasts, in milliseconds.
    pub lease_ms: i64,
}

/// A delivery to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDelivery {
    /// The delivery.
    pub delivery: NewDelivery,
    /// How often it failed before.
    pub tries: u32,
    /// How often in a row it was begun before and nothing came of it: the process, or its step, ended.
    pub unfinished: u32,
}

/// A pull request to be looked at, with everything that the store knows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PullRecord {
    /// The last known facts.
    pub head: PullHead,
    /// The live case, or the last one.
    pub case: Option<Case>,
    /// The attempts of that case, by number.
    pub attempts: Vec<AttemptRecord>,
    /// What people want and nobody has answered, in the order in which it was asked.
    pub asks: Vec<Ask>,
    /// What was answered and is heeded all the same ([`Heed::Lasting`]), in that order.
    pub heeded: Vec<Ask>,
    /// What came of taking commits of ours back, when that is wanted of the case.
    pub undone: Option<EffectResult>,
    /// How often looking at it has failed in a row.
    pub tries: u32,
}

/// What becomes of claimed work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// It is done. For a pull request: until it is woken again.
    Done,
    /// Again at that time; not a failure. For a pull request: earlier when woken.
    At(Timestamp),
    /// It failed and is tried again at that time.
    Retry {
        /// When.
        at: Timestamp,
        /// What went wrong, for operators.
        error: String,
    },
    /// It failed for good and stays for operators to see.
    Park {
        /// What went wrong.
        error: String,
    },
}

/// Everything that one step writes, in one transaction.
#[derive(Debug, Clone)]
pub struct Changes {
    /// When the step was made.
    pub now: Timestamp,
    /// What becomes of the claimed work.
    pub finish: Finish,
    /// Facts about pull requests; an older one never replaces a newer one.
    pub pulls: Vec<PullHead>,
    /// Pull requests to be looked at, and when at the latest.
    pub wake: Vec<(RepoId, PrNumber, Timestamp)>,
    /// What people want; known keys are ignored.
    pub asks: Vec<(RepoId, PrNumber, Ask)>,
    /// Keys of asks that are answered, and whether they are remembered.
    pub answered: Vec<(String, Heed)>,
    /// A case, new or changed.
    pub case: Option<Case>,
    /// A case that takes the place of that one, which is final then.
    pub successor: Option<Case>,
    /// Attempts, new or changed.
    pub attempts: Vec<Attempt>,
    /// An attempt begins; nothing is written when that would pass a limit.
    pub begins: Option<Ceiling>,
    /// What was read for the case.
    pub evidence: Option<(CaseId, Evidence)>,
    /// What running a commit again has shown.
    pub tried: Option<Tried>,
    /// States that cases have entered, in order; for figures.
    pub moves: Vec<(CaseId, CaseState)>,
    /// Failures that attempts have fixed: CI is green on their commits.
    pub fixes: Vec<(AttemptId, Fingerprint)>,
    /// Signs that fixes were wrong.
    pub false_fixes: Vec<FalseFix>,
    /// Changes of autonomy, and the case that is the first to be met by them.
    pub autonomy: Option<(CaseId, Changed)>,
    /// What green commits say of remedies.
    pub remedies: Vec<Filed>,
    /// What shall happen outside.
    pub effects: Vec<(EffectId, Effect)>,
    /// What came of the claimed effect.
    pub result: Option<EffectResult>,
    /// Ids that the claimed effect learned.
    pub learned: Learned,
    /// Installations that came, went or changed.
    pub installations: Vec<InstallationFact>,
}

impl Changes {
    /// Nothing but the end of the claimed work.
    pub fn finish(now: Timestamp, finish: Finish) -> Self {
        Self {
            now,
            finish,
            pulls: Vec::new(),
            wake: Vec::new(),
            asks: Vec::new(),
            answered: Vec::new(),
            case: None,
            successor: None,
            attempts: Vec::new(),
            begins: None,
            evidence: None,
            tried: None,
            moves: Vec::new(),
            fixes: Vec::new(),
            false_fixes: Vec::new(),
            autonomy: None,
            remedies: Vec::new(),
            effects: Vec::new(),
            result: None,
            learned: Learned::default(),
            installations: Vec::new(),
        }
    }
}

/// What running a commit again has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The repository.
    pub repo: RepoId,
    /// The pull request.
    pub number: PrNumber,
    /// The commit.
    pub head: Sha,
    /// One for each failure.
    pub trials: Vec<Trial>,
}

/// Ids of the forge that an effect learned and the next one of its kind needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learned {
    /// The check run on a head.
    pub check: Option<(RepoId, PrNumber, Sha, PublishedCheck)>,
    /// The sticky comment of a pull request.
    pub comment: Option<(RepoId, PrNumber, CommentId)>,
    /// The run of an attempt.
    pub run: Option<(AttemptId, RunId)>,
}

/// What is known of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallationFact {
    /// The installation.
    pub id: InstallationId,
    /// Whether it can be used.
    pub state: InstallationState,
    /// Repositories that came.
    pub added: Vec<Repo>,
    /// Repositories that went.
    pub removed: Vec<RepoId>,
}

/// Whether an installation can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallationState {
    /// It can.
    Active,
    /// It is suspended.
    Suspended,
    /// It is gone.
    Deleted,
}

/// An attempt as one runner has it: whoever is let in later has another token, and what comes from the
/// one before is refused in the store ([`StoreError::LeaseLost`]), whenever its token was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The attempt.
    pub attempt: AttemptId,
    /// SHA-256 of the token that the runner showed, in hexadecimal.
    pub token_hash: String,
}

/// A runner that asks to be let in.
#[derive(Debug, Clone)]
pub struct RunnerAdmission {
    /// The attempt.
    pub attempt: AttemptId,
    /// SHA-256 of the bearer token that it gets, in hexadecimal.
    pub token_hash: String,
    /// When the token ends.
    pub token_until: Timestamp,
    /// The identity that was used, which can be used once (`jti` or the one-time code's hash).
    pub identity: String,
    /// The run that it says it is, when its identity proves it.
    pub run: Option<RunId>,
    /// Now.
    pub now: Timestamp,
}

/// Whether a runner was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// It was.
    Yes,
    /// Its identity was used before.
    IdentityUsed,
    /// The attempt is over.
    AttemptOver,
}

/// Everything that a runner may need of its attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnerView {
    /// The attempt and what its runner has said.
    pub record: AttemptRecord,
    /// The case.
    pub case: Case,
    /// Earlier attempts of the case.
    pub earlier: Vec<AttemptRecord>,
    /// What was read for the case.
    pub evidence: Option<Evidence>,
    /// All documents, in the order in which they were written.
    pub documents: Vec<Document>,
    /// The change so far.
    pub work_in_progress: Option<Patch>,
    /// SHA-256 of the bearer token that is valid, with its end.
    pub token: Option<(String, Timestamp)>,
}

/// How much of the budgets that a repository has a share in is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Attempts planned within the last 24 hours.
    pub attempts_today: u32,
    /// Attempts at work now.
    pub attempts_running: u32,
    /// Attempts at work now in all repositories of the same installation.
    pub installation_running: u32,
    /// Attempts at work now in all repositories.
    pub all_running: u32,
    /// Cases of the repository that go on by themselves.
    pub cases_open: u32,
}

/// How much may be used of the budgets that a repository has a share in, when an attempt begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    /// The repository.
    pub repo: RepoId,
    /// Attempts planned within 24 hours.
    pub attempts_today: u32,
    /// Attempts at work in it.
    pub attempts_running: u32,
    /// Attempts at work in all repositories of the same installation.
    pub installation_running: u32,
    /// Attempts at work in all repositories.
    pub all_running: u32,
}

impl Ceiling {
    /// Whether there is room for one more beside those.
    pub const fn admits(&self, used: &Usage) -> bool {
        used.attempts_today < self.attempts_today
            && used.attempts_running < self.attempts_running
            && used.installation_running < self.installation_running
            && used.all_running < self.all_running
    }
}

/// How much waits, for readiness and operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Deliveries to be read.
    pub deliveries: u64,
    /// Pull requests to be looked at.
    pub pulls: u64,
    /// Effects to be performed.
    pub effects: u64,
    /// Deliveries and effects that were parked.
    pub parked: u64,
}

/// Everything that must survive.
#[async_trait]
pub trait Store: Send + Sync {
    /// Records a verified delivery; durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::Full`] when too many wait to be read; nothing was written.
    async fn insert_delivery(&self, delivery: NewDelivery) -> Result<Inserted, StoreError>;

    /// Claims the longest due delivery of the repository whose turn it is: they take turns, so that a
    /// noisy one holds up no other.
    async fn claim_delivery(
        &self,
        claim: Claim,
    ) -> Result<Option<Leased<PendingDelivery>>, StoreError>;

    /// Claims a pull request that is due to be looked at, chosen as a delivery is.
    async fn claim_pull(&self, claim: Claim) -> Result<Option<Leased<PullRecord>>, StoreError>;

    /// Claims a due effect, chosen as a delivery is. Effects of one pull request are handed out in
    /// the order in which they were wanted, one at a time.
    async fn claim_effect(&self, claim: Claim)
    -> Result<Option<Leased<PendingEffect>>, StoreError>;

    /// Writes everything that a step decided, in one transaction, and ends the lease.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else took the work over, [`StoreError::NoRoom`] when an
    /// attempt that begins would pass a limit; nothing was written, and in that case the lease is kept.
    async fn apply(&self, lease: Lease, changes: Changes) -> Result<(), StoreError>;

    /// Pull requests of a repository whose last known head is that commit, open ones first.
    async fn pulls_at(&self, repo: RepoId, sha: &Sha) -> Result<Vec<PullHead>, StoreError>;

    /// Open pull requests of a repository whose last known base is that branch.
    async fn pulls_onto(
        &self,
        repo: RepoId,
        base: &crate::domain::ids::Branch,
    ) -> Result<Vec<PullHead>, StoreError>;

    /// Open pull requests onto a branch that wait until it is mended, by number.
    async fn waiting_for_base(
        &self,
        repo: RepoId,
        base: &crate::domain::ids::Branch,
    ) -> Result<Vec<PullHead>, StoreError>;

    /// The last known facts of a pull request, its case, attempts and asks, without a lease.
    async fn pull(&self, repo: RepoId, number: PrNumber) -> Result<Option<PullRecord>, StoreError>;

    /// The pull request whose attempt is run by that workflow run.
    async fn pull_of_run(&self, repo: RepoId, run: RunId) -> Result<Option<PrNumber>, StoreError>;

    /// What was read for a case at a head.
    async fn evidence(&self, case: CaseId, head: &Sha) -> Result<Option<Evidence>, StoreError>;

    /// The check run that we made on a head.
    async fn known_check(
        &self,
        repo: RepoId,
        number: PrNumber,
        head: &Sha,
    ) -> Result<Option<PublishedCheck>, StoreError>;

    /// The sticky comment that we made on a pull request.
    async fn known_comment(
        &self,
        repo: RepoId,
        number: PrNumber,
    ) -> Result<Option<CommentId>, StoreError>;

    /// How much of a repository's budget is used.
    async fn usage(&self, repo: RepoId, now: Timestamp) -> Result<Usage, StoreError>;

    /// Lets a runner in, once per identity.
    async fn admit_runner(&self, admission: RunnerAdmission) -> Result<Admitted, StoreError>;

    /// Everything that a runner may need of its attempt.
    async fn runner_view(&self, attempt: AttemptId) -> Result<Option<RunnerView>, StoreError>;

    /// Records that a runner was heard of.
    async fn record_heartbeat(&self, seat: &Seat, now: Timestamp) -> Result<(), StoreError>;

    /// Records a finished stage: its documents and the change so far, whole or not at all.
    async fn record_stage(
        &self,
        seat: &Seat,
        report: &StageReport,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Records what a runner reports at the end, once, and wakes the pull request.
    async fn record_outcome(
        &self,
        seat: &Seat,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Inserted, StoreError>;

    /// Forgets what was finished before that time and nothing refers to; how many rows went.
    async fn purge(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// When the next piece of work is due; `None` when nothing waits.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// How much waits; also tells whether the store answers at all.
    async fn backlog(&self) -> Result<Backlog, StoreError>;
}
