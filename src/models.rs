//! What requests to models and their answers say about money: bytes in, facts out.
//!
//! The only code that knows how Anthropic, OpenAI and Google write a request's limits and an answer's
//! usage. Pure: nothing here sends, waits or keeps. Not here: what anything costs (`domain::model`),
//! whether it may be spent (`domain::ledger`).
//!
//! Invariants: what is forwarded asks for no more output than was granted, for one answer, and for
//! nothing that a provider would fetch, keep or run by itself; the bound of a prompt is never below
//! what its provider can count.

mod body;
mod endpoint;
mod events;
mod fields;
mod keeping;
mod prompt;
mod request;
mod tools;
mod usage;

pub use endpoint::{Endpoint, Form};
pub use prompt::UNSEEN_TOKENS;
pub use request::{Asked, Tiers, Unreadable};
pub use usage::{Heard, Meter};
