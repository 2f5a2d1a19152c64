//! The ratchet: no figure of the repository's own logs falls below what was once reached.
//!
//! `ratchet.json` holds the floor of each figure (a ceiling where less is better) and, log by log,
//! what it was when the floors were written, so that a fall names its logs. Floors only rise: to
//! lower one, because a label was wrong or a hard log was added, is an edit by hand with its reason
//! in the commit.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use super::figures::{Better, FIGURES, Figure};
use super::mark::Mark;
use super::table::shown;

/// Floors are written with so many steps from none to all.
const STEPS: f64 = 10_000.0;
/// Differences below are no differences.
const EPSILON: f64 = 1e-9;
/// How many logs a fall names.
const NAMED_MAX: usize = 10;

/// Values of figures, by name.
type Values = BTreeMap<String, f64>;

/// What was reached.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Ratchet {
    /// The floor of each figure.
    floors: Values,
    /// The figures of each log when the floors were written.
    logs: BTreeMap<String, Values>,
}

impl Ratchet {
    /// Read the file; nothing is reached where there is none.
    ///
    /// # Errors
    /// When it is not what we write.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        if !path.is_file() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(path)?;
        serde_json::from_str(&text).with_context(|| format!("{} is no ratchet", path.display()))
    }

    /// The figures that fell, each with the logs that fell.
    pub(crate) fn fallen(&self, marks: &[Mark]) -> Vec<String> {
        let floors = FIGURES.iter().filter_map(|it| Some((it, *self.floors.get(it.name)?)));
        let fallen = floors.filter_map(|(figure, floor)| {
            let value = figure.over(marks);
            let holds = value.is_some_and(|value| !is_worse(figure, value, floor));
            (!holds).then(|| {
                let (was, is) = (shown(figure, Some(floor)), shown(figure, value));
                let logs = self.fallen_logs(figure, marks);
                format!("{}: {is}, was {was} ({}){logs}", figure.name, figure.what)
            })
        });
        fallen.collect()
    }

    /// The same with the floors where they are now, if any rose. What rises takes the logs along,
    /// so that the next fall is told from here.
    pub(crate) fn raised(&self, marks: &[Mark]) -> Option<Self> {
        let mut floors = self.floors.clone();
        let reached = values(|figure| figure.over(marks));
        for figure in FIGURES {
            let Some(value) = reached.get(figure.name) else { continue };
            let rises =
                floors.get(figure.name).is_none_or(|floor| is_worse(figure, *floor, *value));
            if rises {
                floors.insert(figure.name.into(), *value);
            }
        }
        let logs = marks.iter().map(|mark| (mark.id.clone(), values(|it| it.of(mark)))).collect();
        (floors != self.floors).then_some(Self { floors, logs })
    }

    /// The file: a line a figure and a line a log, for short differences.
    ///
    /// # Errors
    /// When a number is none.
    pub(crate) fn text(&self) -> anyhow::Result<String> {
        let lines = |entries: Vec<(&String, String)>| {
            let lines: Vec<String> =
                entries.iter().map(|(name, value)| format!("    \"{name}\": {value}")).collect();
            lines.join(",\n")
        };
        let floors = self.floors.iter().map(|(name, floor)| (name, floor.to_string())).collect();
        let mut logs = Vec::new();
        for (id, values) in &self.logs {
            logs.push((id, serde_json::to_string(values)?));
        }
        let (floors, logs) = (lines(floors), lines(logs));
        Ok(format!("{{\n  \"floors\": {{\n{floors}\n  }},\n  \"logs\": {{\n{logs}\n  }}\n}}\n"))
    }

    fn fallen_logs(&self, figure: &Figure, marks: &[Mark]) -> String {
        let fell = |mark: &&Mark| {
            let was = self.logs.get(&mark.id).and_then(|values| values.get(figure.name));
            match (was, figure.of(mark)) {
                (Some(was), Some(is)) => is_worse(figure, is, *was),
                (Some(_), None) => true,
                (None, _) => false,
            }
        };
        let ids: Vec<&str> = marks.iter().filter(fell).map(|mark| mark.id.as_str()).collect();
        let mut named = String::new();
        for id in ids.iter().take(NAMED_MAX) {
            let _ = write!(named, "\n    {id}");
        }
        if ids.len() > NAMED_MAX {
            let _ = write!(named, "\n    and {} more", ids.len() - NAMED_MAX);
        }
        named
    }
}

fn values(of: impl Fn(&Figure) -> Option<f64>) -> Values {
    let values = FIGURES.iter().filter_map(|it| Some((it.name.to_owned(), rounded(it, of(it)?))));
    values.collect()
}

/// A value that the figure, reached again, is not worse than.
fn rounded(figure: &Figure, value: f64) -> f64 {
    let steps = value * STEPS;
    (match figure.better {
        Better::More => (steps + EPSILON).floor(),
        Better::Less => (steps - EPSILON).ceil(),
    }) / STEPS
}

fn is_worse(figure: &Figure, value: f64, than: f64) -> bool {
    match figure.better {
        Better::More => value < than - EPSILON,
        Better::Less => value > than + EPSILON,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_reached_holds_when_it_is_reached_again() {
        let marks = [log("a", 1, 3), log("b", 2, 3)];
        let ratchet = Ratchet::default().raised(&marks).unwrap();
        assert_eq!(ratchet.fallen(&marks), Vec::<String>::new());
        assert_eq!(ratchet.raised(&marks), None);
        let read: Ratchet = serde_json::from_str(&ratchet.text().unwrap()).unwrap();
        assert_eq!(read, ratchet);
    }

    #[test]
    fn a_fall_names_the_figure_and_the_logs_that_fell() {
        let ratchet = Ratchet::default().raised(&[log("a", 3, 3), log("b", 1, 3)]).unwrap();
        let fallen = ratchet.fallen(&[log("a", 1, 3), log("b", 2, 3)]);
        assert_eq!(
            fallen[0],
            "recall: 50.0 %, was 66.7 % (expected failures that are found, mean over logs)\n    a"
        );
    }

    #[test]
    fn a_figure_that_nothing_speaks_for_any_more_has_fallen() {
        let ratchet = Ratchet::default().raised(&[log("a", 3, 3)]).unwrap();
        assert!(ratchet.fallen(&[])[0].starts_with("recall: -, was 100.0 %"));
    }

    #[test]
    fn floors_rise_and_never_fall() {
        let low = Ratchet::default().raised(&[log("a", 1, 2)]).unwrap();
        let high = low.raised(&[log("a", 2, 2)]).unwrap();
        assert_eq!((low.floors["recall"], high.floors["recall"]), (0.5, 1.0));
        assert_eq!(high.raised(&[log("a", 1, 2)]), None);
    }

    #[test]
    fn where_less_is_better_the_floor_is_a_ceiling() {
        let ratio = FIGURES.iter().find(|figure| figure.better == Better::Less).unwrap();
        assert!(is_worse(ratio, 2.0, 1.5) && !is_worse(ratio, 1.0, 1.5));
        assert!(!is_worse(ratio, 1.0 / 3.0, rounded(ratio, 1.0 / 3.0)));
        let recall = &FIGURES[0];
        assert!(!is_worse(recall, 2.0 / 3.0, rounded(recall, 2.0 / 3.0)));
    }

    fn log(id: &str, matched: usize, expected: usize) -> Mark {
        Mark { id: id.into(), matched, expected, kind_right: matched, ..Mark::default() }
    }
}
