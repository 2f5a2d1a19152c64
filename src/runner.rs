//! The runner: what works on one attempt, beside the code that it heals.
//!
//! Two worlds that never mix. The outer process (`selfheal-runner`, or `selfheal heal`) talks to the
//! server, fetches commits and judges; it runs no line of the repository. The sandbox runs the
//! repository's own code and the fixers; it holds no token and sees nothing of the outer process.
//! What a fixer made is believed only after the same commands were red without it and green with it,
//! both in fresh checkouts.

pub mod git;
pub mod sandbox;
pub mod workspace;
pub mod dependencies;
pub mod documents;
pub mod fixers;
pub mod observe;
pub mod task;
pub mod attempt;
pub mod progress;
pub mod server;
pub mod stages;
