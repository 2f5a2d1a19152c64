//! What a contributor types: `cargo xtask test`, `score`, `bench`, `simulate`, `faults`, `resume`, `docs`;
//! and what the demo asks for.
//!
//! One module a concern: [`args`] says what was asked, [`steps`] is the list of checks in their
//! order, [`tools`] and [`debian`] find or install what those need, [`lint`] and [`docs`] are the
//! checks that are more than one command, [`score`] says how well logs are read and [`mod@bench`] how
//! fast, [`simulate`] lets the core live through what goes wrong, [`faults`] the whole program and
//! [`resume`] the runner,
//! [`numbers`] reads their flags, [`place`] knows where things lie, [`run`] starts programs, [`say`] is
//! the only module that prints.
//!
//! Nothing is skipped because it is missing: a tool is installed, or the run ends and says what to
//! install. Nothing is built for release unless it is asked for.

mod args;
mod bench;
mod debian;
mod docs;
mod faults;
mod lint;
mod numbers;
mod place;
mod resume;
mod run;
mod say;
mod score;
mod simulate;
mod steps;
mod tools;

use std::process::ExitCode;

use args::Asked;
use place::Place;

/// Exit code for a command line that we do not understand, as everywhere in this project.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = match args::parse(&words) {
        Ok(asked) => asked,
        Err(why) => {
            say::error(&why.to_string());
            say::error(&args::help());
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match answer(&asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say::error(&format!("xtask: {why:#}"));
            ExitCode::FAILURE
        }
    }
}

fn answer(asked: &Asked) -> anyhow::Result<()> {
    match asked {
        Asked::Help => {
            say::line(&args::help());
            Ok(())
        }
        Asked::Test(only) => steps::run(&Place::find()?, &steps::chosen(only)),
        Asked::TestAll => steps::run(&Place::find()?, &steps::all()),
        Asked::DemoTools => {
            debian::install_for_demo()?;
            tools::act(&Place::find()?)
        }
        Asked::Score(order) => score::obey(&Place::find()?, order),
        Asked::Bench(words) => bench::run(&Place::find()?, words),
        Asked::Simulate(seeds) => simulate::run(&Place::find()?, *seeds),
        Asked::Faults(order) => faults::run(&Place::find()?, *order),
        Asked::Resume(order) => resume::run(&Place::find()?, *order),
        Asked::WriteDocs => docs::write(&Place::find()?),
        Asked::CheckDocs => docs::check(&Place::find()?),
    }
}
