//! What a runner takes beside the work that it is there for: memory and processor time of fifty
//! attempts at once, and how soon a workspace stands.
//!
//! `cargo xtask bench runner` runs both, `attempts` or `workspace` one; `docs/performance.md` records a
//! run.

mod attempts;
mod desk;
mod repository;
mod workspace;

use std::io::Write as _;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        if chosen("runner attempts") {
            attempts::run().await;
        }
        if chosen("runner workspace") {
            workspace::run().await;
        }
    });
}

/// Whether a part is to be run: all are, or those whose name has one of the given words.
fn chosen(name: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    words.peek().is_none() || words.any(|word| name.contains(&word))
}

/// Prints a line.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}"); // a closed pipe ends the run soon enough
}
