//! The score: how well `selfheal parse` reads labelled logs of real failures.
//!
//! [`label`] reads the logs, [`answer`] asks the program about each in a process of its own,
//! [`alike`] and [`mark`] judge the answer, [`figures`] sums up, [`table`] prints, [`ratchet`] holds
//! what was reached, [`corpus`] is the repository's own set of logs. It judges what the program
//! prints and knows nothing of how it reads.

mod alike;
mod answer;
mod corpus;
mod figures;
mod label;
mod mark;
mod order;
mod ratchet;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Context;

use crate::place::Place;
use crate::{run, say};
use label::Labelled;
use mark::Mark;
pub(crate) use order::Order;
use order::{Detail, Program, Task};
use ratchet::Ratchet;

/// Do what was ordered.
///
/// # Errors
/// When there is nothing to score, the program fails on a log, or a figure of the repository's own
/// logs fell.
pub(crate) fn obey(place: &Place, order: &Order) -> anyhow::Result<()> {
    if order.task == Task::Import {
        return corpus::import(place, &order.folders);
    }
    let logs = logs(place, order)?;
    let program = program(place, &order.program)?;
    let marks = marks(&program, &logs)?;
    say::line(&table::figures(&marks));
    if order.detail == Detail::Mistakes {
        say::line(&table::mistakes(&marks));
    }
    if order.worst > 0 {
        say::line(&table::worst(&marks, order.worst));
    }
    if order.folders.is_empty() { hold(place, &marks, order.task) } else { Ok(()) }
}

/// The step of `cargo xtask test`: the repository's own logs, against their floors.
///
/// # Errors
/// As [`obey`].
pub(crate) fn check(place: &Place) -> anyhow::Result<()> {
    obey(place, &Order::default())
}

fn logs(place: &Place, order: &Order) -> anyhow::Result<Vec<Labelled>> {
    if order.folders.is_empty() {
        return label::labelled(&corpus::folder(place));
    }
    let mut logs = Vec::new();
    for folder in &order.folders {
        logs.extend(label::labelled(folder)?);
    }
    Ok(logs)
}

/// The program, built if it is ours to build.
fn program(place: &Place, program: &Program) -> anyhow::Result<PathBuf> {
    let (profile, words): (&str, &[&str]) = match program {
        Program::Debug => ("debug", &[]),
        Program::Release => ("release", &["--release"]),
        Program::At(path) => {
            return path.canonicalize().with_context(|| format!("no {}", path.display()));
        }
    };
    let build = ["build", "--locked", "--quiet", "--bin", "selfheal"];
    run::succeed(run::cargo(place)?.args(build).args(words))?;
    Ok(place.target.join(profile).join(format!("selfheal{}", std::env::consts::EXE_SUFFIX)))
}

/// The marks of all logs in their order, several at once.
fn marks(program: &Path, logs: &[Labelled]) -> anyhow::Result<Vec<Mark>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, log)) = taken(logs, &next) {
            done.push((at, one(program, log)));
        }
        done
    };
    let mut done = thread::scope(|threads| {
        let number = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..number).map(|_| threads.spawn(work)).collect();
        let joined = workers.into_iter().filter_map(|worker| worker.join().ok());
        joined.flatten().collect::<Vec<_>>()
    });
    anyhow::ensure!(done.len() == logs.len(), "a log was not scored");
    done.sort_by_key(|(at, _)| *at);
    let marks: anyhow::Result<Vec<Mark>> = done.into_iter().map(|(_, mark)| mark).collect();
    marks
}

fn taken<'a>(logs: &'a [Labelled], next: &AtomicUsize) -> Option<(usize, &'a Labelled)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    logs.get(at).map(|log| (at, log))
}

fn one(program: &Path, log: &Labelled) -> anyhow::Result<Mark> {
    let said = log.log().and_then(|bytes| answer::ask(program, &bytes));
    let said = said.with_context(|| format!("log `{}`", log.label.id))?;
    Ok(mark::mark(&log.label, &said))
}

/// Hold the figures against their floors, and raise these if told.
fn hold(place: &Place, marks: &[Mark], task: Task) -> anyhow::Result<()> {
    let path = corpus::folder(place).join(corpus::RATCHET);
    let ratchet = Ratchet::read(&path)?;
    let fallen = ratchet.fallen(marks);
    anyhow::ensure!(
        fallen.is_empty(),
        "figures fell (`cargo xtask score --details` shows more):\n  {}",
        fallen.join("\n  ")
    );
    match (ratchet.raised(marks), task) {
        (Some(raised), Task::Ratchet) => {
            fs::write(&path, raised.text()?).context("the ratchet cannot be written")?;
            say::line("no figure fell; floors raised");
        }
        (Some(_), _) => say::line("no figure fell, some rose: `cargo xtask score --ratchet`"),
        (None, _) => say::line("no figure fell"),
    }
    Ok(())
}
