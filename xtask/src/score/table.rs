//! The figures as people read them: a table, the rest of the figures, mistakes, the worst logs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::answer::Found;
use super::figures::{FIGURES, Figure, Hold, merit};
use super::label::Expected;
use super::mark::Mark;

/// The figures that have a column; the others have a line.
const COLUMNS: &[&str] =
    &["recall", "precision", "kind", "first", "any", "recall_all", "precision_all"];
/// `100.0 %`.
const VALUE_CHARS: usize = 7;
/// How many mistakes of one kind are shown of a log.
const MISTAKES_MAX: usize = 8;
/// How much of a message is shown.
const MESSAGE_CHARS_MAX: usize = 120;

/// All figures: of all logs and by ecosystem, then those that are one for all.
pub(crate) fn figures(marks: &[Mark]) -> String {
    let mut page = format!("{:<12} {:>4} {:>8}", "", "logs", "failures");
    for figure in columns() {
        page.push_str(&format!(" {:>width$}", figure.name, width = width(figure)));
    }
    page.push('\n');
    let labelled: Vec<&Mark> = marks.iter().filter(|mark| mark.chunk.is_none()).collect();
    page.push_str(&row("all", &labelled));
    for (ecosystem, marks) in by_ecosystem(&labelled) {
        page.push_str(&row(ecosystem, &marks));
    }
    page.push('\n');
    for figure in FIGURES.iter().filter(|figure| !COLUMNS.contains(&figure.name)) {
        let value = shown(figure, figure.over(marks));
        page.push_str(&format!("{:<18} {value:>7}  {}\n", figure.name, figure.what));
    }
    page.push_str(&counts(marks));
    page
}

/// What was missed and what was wrong, log by log.
pub(crate) fn mistakes(marks: &[Mark]) -> String {
    let with = marks.iter().filter(|mark| mark.chunk.is_none() && faults(mark) > 0);
    with.map(mistakes_of).collect()
}

/// The logs that were read worst, the worst first.
pub(crate) fn worst(marks: &[Mark], number: usize) -> String {
    let mut marks: Vec<&Mark> = marks.iter().collect();
    marks.sort_by(|one, other| {
        let by_merit = merit(one).total_cmp(&merit(other));
        by_merit.then(faults(other).cmp(&faults(one))).then(one.id.cmp(&other.id))
    });
    let mut page = String::new();
    for mark in marks.into_iter().take(number) {
        let _ = write!(page, "{:>5.1} %  {} ({}): ", merit(mark) * 100.0, mark.id, mark.ecosystem);
        page.push_str(&match mark.chunk {
            Some(hit) if hit.first => "the first report lies in the annotated part".into(),
            Some(hit) if hit.any => "only a later report lies in the annotated part".into(),
            Some(_) => format!("none of {} reports lies in the annotated part", mark.reported),
            None => summary(mark),
        });
        page.push('\n');
    }
    page
}

/// A figure's value as it is printed.
pub(crate) fn shown(figure: &Figure, value: Option<f64>) -> String {
    match (value, figure.hold) {
        (None, _) => "-".into(),
        (Some(value), Hold::Limit) => format!("{value:.2}"),
        (Some(value), Hold::Floor | Hold::Told) => format!("{:.1} %", value * 100.0),
    }
}

fn columns() -> impl Iterator<Item = &'static Figure> {
    FIGURES.iter().filter(|figure| COLUMNS.contains(&figure.name))
}

fn width(figure: &Figure) -> usize {
    figure.name.len().max(VALUE_CHARS)
}

fn by_ecosystem<'a>(marks: &[&'a Mark]) -> Vec<(&'a str, Vec<&'a Mark>)> {
    let mut groups: BTreeMap<&str, Vec<&Mark>> = BTreeMap::new();
    for mark in marks {
        groups.entry(&mark.ecosystem).or_default().push(mark);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, marks)| std::cmp::Reverse(marks.len()));
    groups
}

fn row(name: &str, marks: &[&Mark]) -> String {
    let failures: usize = marks.iter().map(|mark| mark.expected).sum();
    let mut row = format!("{name:<12} {:>4} {failures:>8}", marks.len());
    for figure in columns() {
        let value = shown(figure, figure.over(marks.iter().copied()));
        row.push_str(&format!(" {value:>width$}", width = width(figure)));
    }
    row.push('\n');
    row
}

fn counts(marks: &[Mark]) -> String {
    let sum = |of: fn(&Mark) -> usize| marks.iter().map(of).sum::<usize>();
    let silent = marks.iter().filter(|mark| mark.reported == 0 && mark.chunk.is_some()).count();
    let labelled = |mark: &&Mark| mark.chunk.is_none();
    let wrong: usize = marks.iter().filter(labelled).map(|mark| mark.wrong.len()).sum();
    format!(
        "\n{} expected, {} found, {} missed, {wrong} wrong, {} said again, {} follow-ups; \
         {} logs of LogChunks, {silent} of them without a report\n",
        sum(|mark| mark.expected),
        sum(|mark| mark.matched),
        sum(|mark| mark.missed.len()),
        sum(|mark| mark.repeated),
        sum(|mark| mark.optional),
        marks.iter().filter(|mark| mark.chunk.is_some()).count(),
    )
}

fn faults(mark: &Mark) -> usize {
    mark.missed.len() + mark.wrong.len()
}

fn summary(mark: &Mark) -> String {
    let first = match mark.roots {
        Some(hit) if !hit.first => ", the first is no root",
        _ => "",
    };
    let kinds = match mark.matched - mark.kind_right {
        0 => String::new(),
        number => format!(", {number} of another kind"),
    };
    let (found, expected, wrong) = (mark.matched, mark.expected, mark.wrong.len());
    format!("{found} of {expected} found, {wrong} wrong{kinds}{first}")
}

fn mistakes_of(mark: &Mark) -> String {
    let mut page = format!("\n{} ({}): {}\n", mark.id, mark.ecosystem, summary(mark));
    for expected in mark.missed.iter().take(MISTAKES_MAX) {
        let Expected { kind, file, line, test, message, .. } = expected;
        page.push_str(&format!("  missed {kind} {}\n", place(file, *line, test, message)));
    }
    for found in mark.wrong.iter().take(MISTAKES_MAX) {
        let Found { kind, file, line, test, message, .. } = found;
        page.push_str(&format!("  wrong  {kind} {}\n", place(file, *line, test, message)));
    }
    page
}

type Text = Option<String>;

fn place(file: &Text, line: Option<u64>, test: &Text, message: &Text) -> String {
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    let place = file.as_ref().map(|file| format!("{file}{line}"));
    let message = message.as_deref().and_then(|message| message.lines().next()).unwrap_or("");
    let message: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
    [place, test.clone(), Some(message)].into_iter().flatten().collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::mark::Hit;

    #[test]
    fn every_figure_is_printed() {
        let page = figures(&[log("a", 1, 2), log("b", 1, 1)]);
        assert!(FIGURES.iter().all(|figure| page.contains(figure.name)), "{page}");
        assert!(page.contains("3 expected, 2 found, 1 missed, 0 wrong"), "{page}");
    }

    #[test]
    fn the_worst_log_stands_first_and_is_explained() {
        let hit = Some(Hit { first: false, any: false });
        let chunk = Mark { id: "c".into(), reported: 2, chunk: hit, ..Mark::default() };
        let page = worst(&[log("a", 1, 1), log("b", 1, 2), chunk], 2);
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(
            lines,
            [
                "  0.0 %  c (): none of 2 reports lies in the annotated part",
                " 83.3 %  b (rust): 1 of 2 found, 0 wrong",
            ]
        );
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let missed = Expected {
            kind: "lint".into(),
            file: Some("a.rs".into()),
            line: Some(3),
            message: Some("unused\nmore".into()),
            ..Expected::default()
        };
        let page = mistakes(&[Mark { missed: vec![missed], ..log("a", 1, 2) }, log("b", 1, 1)]);
        let said = "\na (rust): 1 of 2 found, 0 wrong\n  missed lint a.rs:3 | unused\n";
        assert_eq!(page, said);
    }

    fn log(id: &str, matched: usize, expected: usize) -> Mark {
        Mark {
            id: id.into(),
            ecosystem: "rust".into(),
            matched,
            expected,
            reported: matched,
            kind_right: matched,
            missed: vec![Expected::default(); expected - matched],
            ..Mark::default()
        }
    }
}
