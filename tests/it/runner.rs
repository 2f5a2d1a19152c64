//! The runner, with real git, real bubblewrap and real compilers.

mod attempts;
mod sandbox;
mod scene;
