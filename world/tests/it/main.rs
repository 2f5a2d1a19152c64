//! Promises of the fake GitHub, asked over the wire with plain HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod client;

mod access;
mod actions;
mod faults;
mod git;
mod pages;
mod pulls;
mod push;
mod webhooks;
