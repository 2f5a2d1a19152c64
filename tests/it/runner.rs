//! The runner, with real git, real bubblewrap and real compilers.

mod sandbox;
mod scene;
