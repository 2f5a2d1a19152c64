//! The figures: each a share, of one log or of many.
//!
//! One table says them all; what is printed and what the ratchet holds follow from it. A figure
//! that counts logs gives each the same weight, so that a log with 200 errors weighs as much as one
//! with a single one.

use super::alike::share;
use super::mark::{Hit, Lines, Mark};

/// A figure.
#[derive(Debug)]
pub(crate) struct Figure {
    /// What tables and the ratchet call it.
    pub(crate) name: &'static str,
    /// What it says.
    pub(crate) what: &'static str,
    /// How it is held.
    pub(crate) hold: Hold,
    /// A log's part of it; none when the log does not speak for it.
    of: fn(&Mark) -> Option<Part>,
}

/// How a figure is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The more, the better; it has a floor, which rises with it.
    Floor,
    /// The less, the better; it has a limit, which a person sets: it is the price of others.
    Limit,
    /// Told, and held by others.
    Told,
}

/// A part of a whole.
#[derive(Debug, Clone, Copy)]
struct Part {
    part: f64,
    whole: f64,
}

/// All figures.
pub(crate) const FIGURES: &[Figure] = &[
    held("recall", "expected failures that are found, mean over logs", |mark| {
        of_log(mark.recall())
    }),
    held("precision", "reports that are right, mean over logs", |mark| {
        of_log(mark.chunk.is_none().then(|| mark.precision()))
    }),
    held("kind", "found failures of the right kind", |mark| {
        of_counts(mark.kind_right, mark.matched)
    }),
    held("first", "logs whose first report is a root", |mark| yes(mark.roots, |it| it.first)),
    held("any", "logs with a root among the reports", |mark| yes(mark.roots, |it| it.any)),
    held("recall_all", "expected failures that are found, of all logs", |mark| {
        of_counts(mark.matched, mark.expected)
    }),
    held("precision_all", "reports that are right, of all logs", |mark| {
        let judged = if mark.chunk.is_none() { mark.matched + mark.wrong.len() } else { 0 };
        of_counts(mark.matched, judged)
    }),
    held("code", "found failures with the right code, of those that have one", |mark| {
        of_counts(mark.code_right, mark.code_asked)
    }),
    held("clean", "clean logs without a report", |mark| {
        let is_clean = mark.expected == 0 && mark.chunk.is_none();
        of_log(is_clean.then_some(if mark.reported == 0 { 1.0 } else { 0.0 }))
    }),
    held("lines_needed", "needed lines that are given, mean over logs", |mark| {
        of_log(labelled(mark).map(|lines| share(lines.needed_given, lines.needed)))
    }),
    told("lines_given", "given lines that are needed, mean over logs", |mark| {
        of_log(labelled(mark).map(|lines| share(lines.given_needed, lines.given)))
    }),
    Figure {
        name: "lines_ratio",
        what: "lines given for each line needed, of all logs",
        hold: Hold::Limit,
        of: |mark| labelled(mark).and_then(|lines| of_counts(lines.given, lines.needed)),
    },
    held("chunk_first", "LogChunks: logs whose first report lies in the annotated part", |mark| {
        yes(mark.chunk, |it| it.first)
    }),
    held("chunk_any", "LogChunks: logs with a report in the annotated part", |mark| {
        yes(mark.chunk, |it| it.any)
    }),
    held("chunk_lines_needed", "LogChunks: annotated lines that are given", |mark| {
        of_log(chunked(mark).map(|lines| share(lines.needed_given, lines.needed)))
    }),
    told("chunk_lines_given", "LogChunks: given lines that are annotated", |mark| {
        of_log(chunked(mark).map(|lines| share(lines.given_needed, lines.given)))
    }),
];

impl Figure {
    /// The figure over these logs; none when no log speaks for it.
    pub(crate) fn over<'a>(&self, marks: impl IntoIterator<Item = &'a Mark>) -> Option<f64> {
        let parts = marks.into_iter().filter_map(self.of);
        let sum = parts.fold(Part { part: 0.0, whole: 0.0 }, |sum, it| Part {
            part: sum.part + it.part,
            whole: sum.whole + it.whole,
        });
        (sum.whole > 0.0).then(|| sum.part / sum.whole)
    }

    /// The figure of one log.
    pub(crate) fn of(&self, mark: &Mark) -> Option<f64> {
        self.over([mark])
    }
}

/// How well one log was read: the mean of its shares, one being perfect.
pub(crate) fn merit(mark: &Mark) -> f64 {
    let names = ["recall", "precision", "kind", "first", "clean", "chunk_first", "chunk_any"];
    let figures = FIGURES.iter().filter(|figure| names.contains(&figure.name));
    let shares: Vec<f64> = figures.filter_map(|figure| figure.of(mark)).collect();
    shares.iter().sum::<f64>() * share(1, shares.len().max(1))
}

const fn held(name: &'static str, what: &'static str, of: fn(&Mark) -> Option<Part>) -> Figure {
    Figure { name, what, hold: Hold::Floor, of }
}

const fn told(name: &'static str, what: &'static str, of: fn(&Mark) -> Option<Part>) -> Figure {
    Figure { name, what, hold: Hold::Told, of }
}

/// A log that counts as one.
fn of_log(share: Option<f64>) -> Option<Part> {
    share.map(|part| Part { part, whole: 1.0 })
}

/// A log that counts as much as there is in it.
fn of_counts(part: usize, whole: usize) -> Option<Part> {
    let exact = |count| share(count, 1);
    (whole > 0).then(|| Part { part: exact(part), whole: exact(whole) })
}

fn yes(hit: Option<Hit>, which: fn(Hit) -> bool) -> Option<Part> {
    of_log(hit.map(|hit| if which(hit) { 1.0 } else { 0.0 }))
}

fn labelled(mark: &Mark) -> Option<Lines> {
    mark.lines.filter(|_| mark.chunk.is_none())
}

fn chunked(mark: &Mark) -> Option<Lines> {
    mark.lines.filter(|_| mark.chunk.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_counts_once_in_a_mean_and_by_its_failures_in_a_sum() {
        let logs = [counted(1, 1), counted(1, 3)];
        check("recall", &logs, Some(f64::midpoint(1.0, 1.0 / 3.0)));
        check("recall_all", &logs, Some(0.5));
    }

    #[test]
    fn a_log_that_does_not_speak_for_a_figure_is_left_out() {
        let clean = Mark::default;
        check("recall", &[clean()], None);
        check("clean", &[clean(), counted(1, 1)], Some(1.0));
        check("clean", &[clean(), Mark { reported: 1, ..clean() }], Some(0.5));
        let hit = Some(Hit { first: false, any: true });
        let chunk = || Mark { chunk: hit, ..clean() };
        check("precision", &[chunk()], None);
        check("chunk_any", &[chunk(), counted(1, 1)], Some(1.0));
    }

    #[test]
    fn a_log_read_perfectly_has_all_merit() {
        let perfect = Mark { kind_right: 2, ..counted(2, 2) };
        assert!(merit(&perfect) > 0.999, "{}", merit(&perfect));
        assert!(merit(&counted(1, 2)) < 0.6);
    }

    #[test]
    fn no_two_figures_share_a_name() {
        let mut names: Vec<&str> = FIGURES.iter().map(|figure| figure.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FIGURES.len());
    }

    #[track_caller]
    fn check(name: &str, marks: &[Mark], expected: Option<f64>) {
        let figure = FIGURES.iter().find(|figure| figure.name == name).unwrap();
        let printed = |value: Option<f64>| value.map(|value| format!("{value:.6}"));
        assert_eq!(printed(figure.over(marks)), printed(expected));
    }

    fn counted(matched: usize, expected: usize) -> Mark {
        Mark { matched, expected, reported: matched, ..Mark::default() }
    }
}
