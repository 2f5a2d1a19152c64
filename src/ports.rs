//! What the product needs from outside, as traits in domain words.
//!
//! Adapters implement them and know nothing of each other; services use them and know no adapter.

pub mod checkpoints;
pub mod clock;
pub mod compute;
pub mod events;
pub mod figures;
pub mod flakes;
pub mod forge;
pub mod history;
pub mod identity;
pub mod inbound;
pub mod inputs;
pub mod ledger;
pub mod logs;
pub mod mending;
pub mod providers;
pub mod registrar;
pub mod remedies;
pub mod store;
pub mod undo;
pub mod upkeep;
