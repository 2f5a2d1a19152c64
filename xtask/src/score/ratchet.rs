//! The ratchet: no figure of the repository's own logs falls below what was once reached.
//!
//! `ratchet.json` holds the floor of each figure, the limits that people set, and, log by log, what
//! the figures were when the floors were written, so that a fall names its logs. A program only
//! raises floors: to lower one, because a label was wrong or a hard log was added, is an edit by hand
//! with its reason in the commit.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use super::figures::{FIGURES, Figure, Hold};
use super::mark::Mark;
use super::table::shown;

/// Values are written with so many steps from none to all.
const STEPS: f64 = 10_000.0;
/// Differences below are no differences.
const EPSILON: f64 = 1e-9;
/// How many logs a fall names.
const NAMED_MAX: usize = 10;

/// Values of figures, by name.
type Values = BTreeMap<String, f64>;

/// What was reached, and what may not be passed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ratchet {
    /// What each figure reached.
    floors: Values,
    /// What others may not pass.
    limits: Values,
    /// The figures of each log when the floors were written.
    logs: BTreeMap<String, Values>,
}

impl Ratchet {
    /// Read the file.
    ///
    /// # Errors
    /// When there is none, or it is not what we write: a check that holds nothing must not pass.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("no {}", path.display()))?;
        let ratchet = Self::of(&text);
        ratchet.with_context(|| format!("{} is no ratchet", path.display()))
    }

    fn of(text: &str) -> anyhow::Result<Self> {
        let ratchet: Self = serde_json::from_str(text)?;
        for (values, hold) in [(&ratchet.floors, Hold::Floor), (&ratchet.limits, Hold::Limit)] {
            let is_held = |name: &str| FIGURES.iter().any(|it| it.name == name && it.hold == hold);
            if let Some(stray) = values.keys().find(|name| !is_held(name)) {
                anyhow::bail!("no figure is held by `{stray}`");
            }
            let mut held = FIGURES.iter().filter(|figure| figure.hold == hold);
            if let Some(loose) = held.find(|figure| !values.contains_key(figure.name)) {
                anyhow::bail!("nothing holds `{}`; a floor may begin at zero", loose.name);
            }
        }
        Ok(ratchet)
    }

    /// The figures that fell, each with the logs that fell.
    pub(crate) fn fallen(&self, marks: &[Mark]) -> Vec<String> {
        let held = FIGURES.iter().filter_map(|figure| match figure.hold {
            Hold::Floor => Some((figure, "the floor", *self.floors.get(figure.name)?)),
            Hold::Limit => Some((figure, "the limit", *self.limits.get(figure.name)?)),
            Hold::Told => None,
        });
        let fallen = held.filter_map(|(figure, held_by, bound)| {
            let value = figure.over(marks);
            let holds = value.is_some_and(|value| !is_worse(figure, value, bound));
            (!holds).then(|| {
                let (is, bound) = (shown(figure, value), shown(figure, Some(bound)));
                let logs = self.fallen_logs(figure, marks);
                format!("{} {is}, {held_by} is {bound}: {}{logs}", figure.name, figure.what)
            })
        });
        fallen.collect()
    }

    /// The same with the floors where the figures are now, if any rose. What rises takes the logs
    /// along, so that the next fall is told from here.
    pub(crate) fn raised(&self, marks: &[Mark]) -> Option<Self> {
        let mut floors = self.floors.clone();
        for figure in FIGURES.iter().filter(|figure| figure.hold == Hold::Floor) {
            let Some(value) = figure.over(marks).map(|value| rounded(figure, value)) else {
                continue;
            };
            if floors.get(figure.name).is_none_or(|floor| is_worse(figure, *floor, value)) {
                floors.insert(figure.name.into(), value);
            }
        }
        let logs = marks.iter().map(|mark| (mark.id.clone(), values(mark))).collect();
        let is_raised = floors != self.floors;
        is_raised.then(|| Self { floors, limits: self.limits.clone(), logs })
    }

    /// The file: a line a figure and a line a log, for short differences.
    ///
    /// # Errors
    /// When a number is none.
    pub(crate) fn text(&self) -> anyhow::Result<String> {
        let (floors, limits) = (object(&self.floors)?, object(&self.limits)?);
        let logs = object(&self.logs)?;
        Ok(format!(
            "{{\n  \"floors\": {floors},\n  \"limits\": {limits},\n  \"logs\": {logs}\n}}\n"
        ))
    }

    fn fallen_logs(&self, figure: &Figure, marks: &[Mark]) -> String {
        let fell = |mark: &&Mark| {
            let was = self.logs.get(&mark.id).and_then(|values| values.get(figure.name));
            match (was, figure.of(mark)) {
                (Some(was), Some(is)) => is_worse(figure, is, *was),
                (was, _) => was.is_some(),
            }
        };
        let ids: Vec<&str> = marks.iter().filter(fell).map(|mark| mark.id.as_str()).collect();
        let more = ids.len().saturating_sub(NAMED_MAX);
        let more = (more > 0).then(|| format!("and {more} more"));
        let named = ids.iter().take(NAMED_MAX).map(|id| (*id).to_owned()).chain(more);
        named.flat_map(|line| ["\n    ".to_owned(), line]).collect()
    }
}

/// A JSON object with a line an entry.
fn object<T: serde::Serialize>(entries: &BTreeMap<String, T>) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    for (name, value) in entries {
        lines.push(format!("    \"{name}\": {}", serde_json::to_string(value)?));
    }
    Ok(format!("{{\n{}\n  }}", lines.join(",\n")))
}

/// The held figures of one log.
fn values(mark: &Mark) -> Values {
    let held = FIGURES.iter().filter(|figure| figure.hold != Hold::Told);
    let values = held.filter_map(|it| Some((it.name.to_owned(), rounded(it, it.of(mark)?))));
    values.collect()
}

/// A value that the figure, reached again, is not worse than.
fn rounded(figure: &Figure, value: f64) -> f64 {
    let steps = value * STEPS;
    let steps = match figure.hold {
        Hold::Floor | Hold::Told => (steps + EPSILON).floor(),
        Hold::Limit => (steps - EPSILON).ceil(),
    };
    steps / STEPS
}

fn is_worse(figure: &Figure, value: f64, than: f64) -> bool {
    match figure.hold {
        Hold::Floor | Hold::Told => value < than - EPSILON,
        Hold::Limit => value > than + EPSILON,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::mark::Lines;

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
        let said = "recall 50.0 %, the floor is 66.7 %: \
                    expected failures that are found, mean over logs\n    a";
        assert_eq!(fallen[0], said);
    }

    #[test]
    fn a_figure_that_nothing_speaks_for_any_more_has_fallen() {
        let ratchet = Ratchet::default().raised(&[log("a", 3, 3)]).unwrap();
        assert!(ratchet.fallen(&[])[0].starts_with("recall -, the floor is 100.0 %"));
    }

    #[test]
    fn floors_rise_and_never_fall() {
        let low = Ratchet::default().raised(&[log("a", 1, 2)]).unwrap();
        let high = low.raised(&[log("a", 2, 2)]).unwrap();
        assert_eq!((low.floors["recall"], high.floors["recall"]), (0.5, 1.0));
        assert_eq!(high.raised(&[log("a", 1, 2)]), None);
    }

    #[test]
    fn a_limit_is_held_and_left_to_people() {
        let lines = Lines { given: 6, given_needed: 3, needed: 3, needed_given: 3 };
        let marks = [Mark { lines: Some(lines), ..log("a", 1, 1) }];
        let limited = |limit| Ratchet {
            limits: [("lines_ratio".to_owned(), limit)].into(),
            ..Ratchet::default()
        };
        assert_eq!(limited(2.0).fallen(&marks), Vec::<String>::new());
        assert!(limited(1.9).fallen(&marks)[0].starts_with("lines_ratio 2.00, the limit is 1.90"));
        assert_eq!(limited(1.9).raised(&marks).unwrap().limits["lines_ratio"].to_string(), "1.9");
    }

    #[test]
    fn a_ratchet_that_holds_something_else_or_too_little_is_refused() {
        refused(r#"{"floors": {"recal": 1}, "limits": {}, "logs": {}}"#, "no figure is held by");
        refused(r#"{"floors": {}, "limits": {}, "logs": {}}"#, "nothing holds `recall`");
        refused(r#"{"floors": {}}"#, "missing field `limits`");
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let why = Ratchet::of(text).unwrap_err().to_string();
        assert!(why.starts_with(expected), "{why}");
    }

    fn log(id: &str, matched: usize, expected: usize) -> Mark {
        Mark { id: id.into(), matched, expected, kind_right: matched, ..Mark::default() }
    }
}
