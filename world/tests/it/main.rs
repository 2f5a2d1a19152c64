//! Promises of the fake GitHub, asked over the wire with plain HTTP.

mod client;

mod access;
mod actions;
mod faults;
mod git;
mod pulls;
mod webhooks;
