//! Use cases: what happens with a delivery, a pull request, an effect, a runner.
//!
//! Every use case loads facts, lets the domain decide, and writes once. State changes nowhere else.
//! No forge call is made inside a database transaction: facts are read first, effects are performed
//! later by the outbox.

pub mod archive;
mod autonomy;
mod bases;
mod beside;
mod causes;
mod content;
mod effects;
pub mod flaky;
mod gather;
mod healing;
mod intake;
mod landed;
mod lease;
pub mod live;
mod mending;
pub mod models;
mod overwritten;
mod policies;
pub mod questions;
mod reading;
pub mod receipts;
pub mod reconcile;
pub mod remedies;
mod repeats;
pub mod retention;
pub mod runners;
pub mod simulate;
pub mod stats;
mod undo;
pub mod worker;

use std::sync::Arc;

use thiserror::Error;

use crate::domain::limits::Limits;
use crate::ports::checkpoints::CheckpointStore;
use crate::ports::clock::{Clock, Ids};
use crate::ports::compute::Compute;
use crate::ports::figures::FigureStore;
use crate::ports::flakes::FlakeStore;
use crate::ports::forge::{Forge, ForgeError};
use crate::ports::identity::IdentityVerifier;
use crate::ports::inbound::Inbound;
use crate::ports::inputs::InputStore;
use crate::ports::logs::LogStore;
use crate::ports::remedies::RemedyStore;
use crate::ports::store::{Store, StoreError};
use crate::ports::upkeep::Upkeep;

/// Everything that use cases need, put together once in `app`.
#[derive(Clone)]
pub struct Services {
    /// What must survive.
    pub store: Arc<dyn Store>,
    /// What keeps that whole.
    pub upkeep: Arc<dyn Upkeep>,
    /// What was read, for people to look at.
    pub logs: Arc<dyn LogStore>,
    /// How far fixers are in the middle of their turns.
    pub checkpoints: Arc<dyn CheckpointStore>,
    /// What runners were given and fixers were told.
    pub inputs: Arc<dyn InputStore>,
    /// What running again has shown.
    pub flakes: Arc<dyn FlakeStore>,
    /// What figures are made of.
    pub figures: Arc<dyn FigureStore>,
    /// What healed.
    pub remedies: Arc<dyn RemedyStore>,
    /// The forge.
    pub forge: Arc<dyn Forge>,
    /// Where attempts run.
    pub compute: Arc<dyn Compute>,
    /// Reads deliveries.
    pub inbound: Arc<dyn Inbound>,
    /// Verifies runners.
    pub identity: Arc<dyn IdentityVerifier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and secrets.
    pub ids: Arc<dyn Ids>,
    /// Rouses a resting worker when something has come in; only a hint, the store is the truth.
    pub wake: Arc<tokio::sync::Notify>,
    /// Models, and what calls of them may cost.
    pub models: Arc<models::Models>,
    /// What happens in attempts, for those who watch.
    pub live: Arc<live::Live>,
    /// How much is done at once.
    pub limits: Limits,
    /// Policies that were read, by base commit.
    pub policies: Arc<policies::PolicyCache>,
    /// How CI stands on base branches.
    pub bases: Arc<bases::Bases>,
    /// The text of the workflow that target repositories copy, for onboarding.
    pub workflow_text: &'static str,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

pub use bases::Bases;
pub use policies::PolicyCache;

/// The path of the workflow in which attempts run; its runs are not CI.
pub const OWN_WORKFLOW: &str = ".github/workflows/selfheal.yml";

/// The name of our check run.
pub const CHECK_NAME: &str = "selfheal";

/// Why a use case could not be carried out.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The forge did not do it.
    #[error("the forge could not be asked")]
    Forge(#[from] ForgeError),
    /// The store did not do it.
    #[error("the store could not be used")]
    Store(#[from] StoreError),
}
