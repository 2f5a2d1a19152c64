//! The runner, with real git, real bubblewrap and real compilers.

mod attempts;
pub mod programs;
mod proofs;
mod remedies;
mod resumed;
mod sandbox;
pub mod scene;
mod triage;
mod workspaces;
