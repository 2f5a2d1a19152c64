//! What is printed.

use std::io::Write as _;

use crate::load::{Answers, count};
use crate::process::Memory;

/// Prints a line.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}"); // a closed pipe ends the run soon enough
}

/// Megabytes of kilobytes.
pub(crate) fn mb(kilobytes: u64) -> f64 {
    f64::from(u32::try_from(kilobytes).unwrap_or(u32::MAX)) / 1024.0
}

/// What one turn of a server showed.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) answers: Answers,
    pub(crate) processor_s: f64,
    pub(crate) memory: Memory,
}

impl Turn {
    /// Processor seconds for ten thousand deliveries.
    pub(crate) fn cost(&self) -> f64 {
        self.processor_s * 1e4 / count(self.answers.good().max(1))
    }
}

/// A server's turns.
#[derive(Debug)]
pub(crate) struct Row {
    name: &'static str,
    turns: Vec<Turn>,
}

impl Row {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, turns: Vec::new() }
    }

    pub(crate) fn turn(&mut self, turn: Turn) {
        assert_eq!(turn.answers.bad, 0, "{}: every delivery is accepted", self.name);
        self.turns.push(turn);
    }

    /// The turn with the highest rate.
    fn best(&self) -> &Turn {
        let by_rate = |a: &&Turn, b: &&Turn| a.answers.rate().total_cmp(&b.answers.rate());
        self.turns.iter().max_by(by_rate).expect("every server had a turn")
    }

    fn least_cost(&self) -> f64 {
        self.turns.iter().map(Turn::cost).fold(f64::INFINITY, f64::min)
    }
}

/// The servers beside each other; the last one is what the others are compared with.
pub(crate) fn table(rows: &[Row]) {
    let last = rows.last().map_or(1.0, |row| row.best().answers.rate());
    line(
        "| server | deliveries/s | times the last | p50 / p99 ms | CPU-s for 10,000 | memory, most MB |",
    );
    line("| --- | --- | --- | --- | --- | --- |");
    for row in rows {
        let Turn { answers, memory, .. } = row.best();
        line(&format!(
            "| {} | {:.0} | {:.1} | {:.1} / {:.1} | {:.2} | {:.0} |",
            row.name,
            answers.rate(),
            answers.rate() / last,
            answers.percentile_ms(50),
            answers.percentile_ms(99),
            row.least_cost(),
            mb(memory.most_kb),
        ));
    }
}
