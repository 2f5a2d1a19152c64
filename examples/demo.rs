//! The demo: a broken pull request is healed before your eyes, against a GitHub on this machine.
//!
//! Nothing is played but GitHub itself: the server is the built program with SQLite, git is real,
//! the repository's workflow file and the shipped one are run by `act`, and the runner works in its
//! sandbox. Steps of workflows run as you, on this machine; they only format, build and test a
//! crate of one file.
//!
//! `cargo run --example demo`, with `-- --keep` to look around and break more.

#[path = "demo/machine.rs"]
mod machine;
#[path = "demo/story.rs"]
mod story;
#[path = "demo/told.rs"]
mod told;

use clap::Parser;

/// A broken pull request, healed before your eyes, against a GitHub on this machine.
#[derive(Debug, Parser)]
#[command(name = "demo", version, max_term_width = 100)]
struct Args {
    /// Leave the server and its GitHub up, to look around and break more; Ctrl-C ends them.
    #[arg(long)]
    keep: bool,
    /// Show what the server logs.
    #[arg(long)]
    logs: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let logs = if args.logs { machine::Logs::Shown } else { machine::Logs::Kept };
    let machine = machine::Machine::prepared(logs).await?;
    story::told(&machine).await?;
    if args.keep {
        machine.kept().await?;
    }
    machine.stopped().await
}
