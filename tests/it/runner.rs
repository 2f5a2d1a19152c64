//! The runner, with real git, real bubblewrap and real compilers.

mod attempts;
mod programs;
mod sandbox;
mod scene;
mod workspaces;
