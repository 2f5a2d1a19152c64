//! The command line: one file per subcommand.
//!
//! A subcommand reads its arguments, asks the library and prints. Data goes to standard output,
//! messages to standard error; with `--format json` the data is one JSON document. Exit codes: 0
//! fine, 1 it says no, 2 usage, 3 could not do its work, and of `gate` alone 4 a person should look.

pub mod agentapi;
pub mod backup;
pub mod bridge;
pub mod check_config;
mod checkout;
pub mod deliveries;
pub mod docs;
pub mod doctor;
pub mod documents;
pub mod flaky;
pub mod gate;
pub mod heal;
pub mod healthcheck;
mod input;
mod local;
pub mod logs;
pub mod migrate;
mod models;
pub mod parse;
mod progress;
pub mod receipt;
pub mod remedies;
pub mod replay;
pub mod restore;
pub mod serve;
pub mod setup;
pub mod simulate;
pub mod stats;
pub mod watch;

use std::process::ExitCode;

/// Heals failing CI: reads the failure, fixes it in a sandbox, proves it, commits it
#[derive(Debug, clap::Parser)]
#[command(name = "selfheal", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Serve(serve::Args),
    Setup(setup::Args),
    Doctor(doctor::Args),
    Simulate(simulate::Args),
    Flaky(flaky::Args),
    Remedies(remedies::Args),
    Logs(logs::Args),
    Watch(watch::Args),
    Receipt(receipt::Args),
    Documents(documents::Args),
    Stats(stats::Args),
    Deliveries(deliveries::Args),
    Migrate(migrate::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    CheckConfig(check_config::Args),
    Heal(heal::Args),
    Gate(gate::Args),
    Replay(replay::Args),
    Parse(parse::Args),
    Healthcheck(healthcheck::Args),
    #[command(hide = true)]
    Docs(docs::Args),
    #[command(hide = true)]
    Bridge(bridge::Args),
    #[command(hide = true)]
    Agentapi(agentapi::Args),
}

/// Runs the command line.
///
/// # Errors
/// Whatever kept a subcommand from doing its work; the program exits with 3 then.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => serve::run(&args).await,
        Command::Setup(args) => setup::run(&args),
        Command::Doctor(args) => doctor::run(&args).await,
        Command::Simulate(args) => simulate::run(&args).await,
        Command::Flaky(args) => flaky::run(&args).await,
        Command::Remedies(args) => remedies::run(&args).await,
        Command::Logs(args) => logs::run(&args).await,
        Command::Watch(args) => watch::run(&args).await,
        Command::Receipt(args) => receipt::run(&args).await,
        Command::Documents(args) => documents::run(&args).await,
        Command::Stats(args) => stats::run(&args).await,
        Command::Deliveries(args) => deliveries::run(&args).await,
        Command::Migrate(args) => migrate::run(&args).await,
        Command::Backup(args) => backup::run(&args).await,
        Command::Restore(args) => restore::run(&args).await,
        Command::CheckConfig(args) => check_config::run(&args),
        Command::Heal(args) => heal::run(args).await,
        Command::Gate(args) => gate::run(&args).await,
        Command::Replay(args) => replay::run(&args).await,
        Command::Parse(args) => parse::run(&args),
        Command::Healthcheck(args) => healthcheck::run(&args).await,
        Command::Docs(args) => docs::run(&args),
        Command::Bridge(args) => bridge::run(&args).await,
        Command::Agentapi(args) => agentapi::run(&args).await,
    }
}
