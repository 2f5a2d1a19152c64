//! Coding agents as fixers: one way to run them all.
//!
//! What one agent's ways are stands in its file below [`crate::domain::agent`]; everything else is the
//! same for all and is done by [`AgentFixer`]: a sandbox without network, keys and settings of the
//! checkout, a home of its own, a way to the model, limits, the prompt. Nothing here or above knows an
//! agent's name.
//!
//! What an agent says about success is not listened to. Listened to is why it stopped, because a
//! provider that is down, or a budget that is spent, is no failed attempt.

pub mod agentapi;
mod fixer;
mod listener;
pub mod session;

pub use self::fixer::AgentFixer;
