//! Real coding agents against a scripted model: Claude Code, Codex and opencode as npm has them.
//!
//! Nothing here pretends to be an agent. What the model says is a script (`provider`), so that it can
//! lie, fail, and be led astray by a hostile pull request; everything after the model is real.

mod agentapi;
mod asks;
mod faults;
mod heals;
mod hostile;
mod provider;
mod replayed;
pub(crate) mod scene;
mod second_look;
mod stubborn;
mod whole;

pub(crate) use provider::Provider;
