//! What the server does under load, beside a peer on the same machine in the same run.
//!
//! The program runs as operators run it, as a process of its own on one core; the load comes from
//! this process on the other. Rates and waiting times depend on the machine and on who else is on
//! it, processor time hardly; so every figure is given with that of a peer from the same rounds:
//! Probot from npm, as it is and with one SQLite commit for each delivery. `cargo xtask bench server`
//! runs it all, `cargo xtask bench intake` a part; `docs/performance.md` records a run.

mod bodies;
mod decide;
mod gateway;
mod hostile;
mod live;
mod load;
mod old;
mod peers;
mod process;
mod program;
mod say;

use std::time::Duration;

use hostile::Told;
use load::{Answers, Load};
use peers::Probot;
use program::Program;
use say::Row;
use world::postgres::{How, Server};
use world::{World, WorldOptions};

/// How often each server takes its turn; the best turn of each counts.
const ROUNDS: usize = 3;

/// How often hostile senders, and nobody beside the good ones, take their turn.
const HOSTILE_ROUNDS: usize = 2;

/// How long a turn lasts at most: a slow server sends as many answers as it can in it.
const TURN: Duration = Duration::from_secs(5);

/// How many deliveries a turn has.
const DELIVERIES: usize = 20_000;

/// How many senders wait for an answer at once.
const IN_FLIGHT: usize = 64;

/// How often the program is started.
const STARTS: usize = 9;

fn main() {
    if std::env::args().any(|word| word == live::BARE) {
        return live::bare::serve();
    }
    let mut words = std::env::args().skip_while(|word| word != live::agent::AGENT).skip(1);
    if let Some(rate) = words.next().and_then(|rate| rate.parse().ok()) {
        return live::agent::speak(rate);
    }
    // What the product complains of belongs to what is measured.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(std::io::stderr)
        .init();
    if chosen("server decide") {
        decide::run();
    }
    if chosen("server repositories") {
        decide::repositories();
    }
    process::live_on(process::LOAD_CORE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let world = World::start(WorldOptions::by_wall_clock()).await.expect("a world starts");
        if chosen("server start") {
            start(&world).await;
        }
        if chosen("server intake") {
            take_in(&world).await;
        }
        if chosen("server old sqlite") {
            old(&world).await;
        }
        if chosen("server old postgres") {
            old_on_postgres(&world).await;
        }
        if chosen("server hostile") {
            hostile(&world).await;
        }
        if chosen("server gateway") {
            gateway::run(&world).await;
        }
        if chosen("server live") {
            live::run(&world).await;
        }
    });
}

/// Whether a part is to be run: all are, or those whose name has one of the given words.
fn chosen(name: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    words.peek().is_none() || words.any(|word| name.contains(&word))
}

/// From the start of the process to the first accepted delivery, and what it takes idle.
async fn start(world: &World) {
    let bodies = bodies::real();
    let mut starts = Vec::new();
    let mut idle = 0;
    for number in 0..STARTS {
        let program = Program::sqlite(world);
        let load = Load::new(&bodies, program.address()).numbered(number * DELIVERIES);
        let answered = load.send(1, 1, TURN).await;
        assert_eq!(answered.good(), 1, "the first delivery is accepted");
        starts.push(program.started().elapsed());
        idle = program.memory().now_kb;
    }
    starts.sort_unstable();
    say::line("## Start\n");
    say::line(&format!(
        "start to the first accepted delivery, with migrations, median of {STARTS}: {:.0} ms",
        starts[STARTS / 2].as_secs_f64() * 1e3
    ));
    say::line(&format!("memory after it: {:.1} MB", say::mb(idle)));
    for name in ["selfheal", "selfheal-runner"] {
        say::line(&format!("size of `{name}` in this build: {:.1} MB", program::size_mb(name)));
    }
}

/// How many deliveries are taken in, and at what cost.
async fn take_in(world: &World) {
    let bodies = bodies::real();
    say::line(&format!("\n## Taking in deliveries\n\n{}\n", bodies::told(&bodies)));
    let postgres = Server::start(How { under: process::ON_SERVER_CORE, ..How::default() });
    let (probot, key) = (Probot::installed(), world.private_key_pem());
    let mut rows = [
        Row::new("**selfheal, SQLite**"),
        Row::new("**selfheal, PostgreSQL** (its server included)"),
        Row::new("Probot, nothing kept"),
        Row::new("Probot, one SQLite commit each"),
    ];
    for round in 0..ROUNDS {
        let first = round * DELIVERIES;
        let [sqlite, on_postgres, bare, kept] = &mut rows;
        let program = Program::sqlite(world);
        sqlite.turn(program.under(&Load::new(&bodies, program.address()).numbered(first)).await);
        drop(program);
        let program = Program::on_postgres(world, &postgres).await;
        let load = Load::new(&bodies, program.address()).numbered(first);
        on_postgres.turn(program.under(&load).await);
        drop(program);
        for (row, keeps) in [(bare, peers::Keeps::Nothing), (kept, peers::Keeps::InSqlite)] {
            let program = probot.start(keeps, &key);
            row.turn(program.under(&Load::new(&bodies, program.address()).numbered(first)).await);
        }
    }
    say::table(&rows);
}

/// What taking in costs with little and with much in the database.
async fn old(world: &World) {
    say::line("\n## With a past\n");
    let bodies = bodies::real();
    let mut costs = [f64::INFINITY; 2];
    for round in 0..ROUNDS {
        for (cost, past) in costs.iter_mut().zip(old::PASTS) {
            let program = Program::with_past(world, past).await;
            let load = Load::new(&bodies, program.address()).numbered(round * DELIVERIES);
            *cost = cost.min(program.under(&load).await.cost());
        }
    }
    old::compare("SQLite, CPU-s for 10,000 deliveries", costs);
    let mut decided = [0.0; 2];
    for (cost, past) in decided.iter_mut().zip(old::PASTS) {
        let (url, _dir) = past.database().await;
        *cost = decide::cost(&url, None).await;
    }
    old::compare("SQLite, CPU-s for 1,000 cases", decided);
}

/// The same on PostgreSQL, its server included. Deciding comes first, because what is taken in here
/// waits to be read for ever.
async fn old_on_postgres(world: &World) {
    /// Beyond the numbers of the deliveries that were decided on.
    const NEW: usize = 1_000_000;
    say::line("\n## With a past, on PostgreSQL\n");
    let postgres = Server::start(How { under: process::ON_SERVER_CORE, ..How::default() });
    let [few, many] = old::PASTS;
    let databases = [few.on_postgres(&postgres).await, many.on_postgres(&postgres).await];
    let mut decided = [0.0; 2];
    for (cost, database) in decided.iter_mut().zip(&databases) {
        *cost = decide::cost(database, Some(postgres.pid())).await;
    }
    let bodies = bodies::real();
    let mut costs = [f64::INFINITY; 2];
    for round in 0..ROUNDS {
        for (cost, database) in costs.iter_mut().zip(&databases) {
            let program = Program::at_postgres(world, &postgres, database.clone());
            let load = Load::new(&bodies, program.address()).numbered(NEW + round * DELIVERIES);
            *cost = cost.min(program.under(&load).await.cost());
        }
    }
    old::compare("PostgreSQL, CPU-s for 10,000 deliveries", costs);
    old::compare("PostgreSQL, CPU-s for 1,000 cases", decided);
}

/// What senders that mean harm do to those that mean well: as long and with as many senders as these
/// have alone, each with a program and a database of its own.
async fn hostile(world: &World) {
    say::line("\n## Among hostile senders\n");
    let bodies = bodies::real();
    let (mut alone, mut mixed) = (None, None);
    for _ in 0..HOSTILE_ROUNDS {
        let program = Program::sqlite(world);
        let started_s = program.processor_s();
        let load = Load::new(&bodies, program.address());
        let clean = load.send(hostile::SENDERS, usize::MAX, hostile::LASTS).await;
        let turn = (clean, program.processor_s() - started_s, program.memory());
        let is_best =
            alone.as_ref().is_none_or(|(best, ..): &(Answers, _, _)| turn.0.rate() > best.rate());
        alone = if is_best { Some(turn) } else { alone };
        drop(program);

        let program = Program::sqlite(world);
        let started_s = program.processor_s();
        let told = hostile::mix(&Load::new(&bodies, program.address())).await;
        let turn = (told, program.processor_s() - started_s, program.memory());
        let is_best =
            mixed.as_ref().is_none_or(|(best, ..): &(Told, _, _)| turn.0.is_faster_than(best));
        mixed = if is_best { Some(turn) } else { mixed };
    }
    let (clean, alone_s, before) = alone.expect("invariant: there is a round");
    let (told, mixed_s, after) = mixed.expect("invariant: there is a round");
    say::line(&told.compared_with(&clean));
    say::line(&told.cost_beside((&clean, alone_s), mixed_s));
    say::line(&format!(
        "memory: at most {:.1} MB alone, {:.1} MB in it",
        say::mb(before.most_kb),
        say::mb(after.most_kb)
    ));
}
