//! Forges: adapters that turn domain words into a forge's JSON and back. Nothing else knows it.

pub mod github;
