//! The runner: what works on one attempt, beside the code that it heals.
//!
//! Two worlds that never mix. The outer process (`selfheal-runner`, or `selfheal heal`) talks to the
//! server, fetches commits and judges; it runs no line of the repository. The sandbox runs the
//! repository's own code and the fixers; it holds no token and sees nothing of the outer process.
//! What a fixer made is believed only after the same commands were red without it and green with it,
//! both in fresh checkouts.

pub mod agents;
pub mod attempt;
pub mod beneath;
pub mod bridge;
pub mod checkpoints;
pub mod dependencies;
pub mod fixers;
pub mod git;
pub mod live;
pub mod model;
pub mod observe;
pub mod progress;
pub mod sandbox;
pub mod seen;
pub mod server;
pub mod stages;
pub mod task;
pub mod workspace;

/// Exit codes of the programs that run attempts.
pub mod exit {
    /// Everything that was to be done is done and told.
    pub const FINE: u8 = 0;
    /// It says no: not healed.
    pub const NO: u8 = 1;
    /// It could not do its work.
    pub const COULD_NOT: u8 = 3;
}
