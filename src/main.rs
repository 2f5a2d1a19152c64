//! `selfheal`: the server and its command line.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use selfheal::cli::{Cli, run};

/// It could not do its work.
const FAILED: u8 = 3;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // One TLS provider for the whole process; a second installation would be refused, not harmful.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

/// Says what went wrong, with every cause once.
fn failed(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "selfheal: {error:#}"); // nowhere left to complain
    ExitCode::from(FAILED)
}
