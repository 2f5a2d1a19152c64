//! What a change takes out of the code and puts nothing in place of, so that a test of it has no
//! subject left.
//!
//! Not a judgement of whether it may go. The invariant: nothing counts as taken out where the
//! change also adds code that is no test, or where the name is still defined in a changed file; a
//! subject that was renamed or replaced is not gone.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::model::Unit;
use super::text::Lines;
use super::{Change, paths, patterns};

/// Where a name is defined.
static DEFINITION: LazyLock<Regex> = LazyLock::new(|| patterns::joined("definition"));

/// The names of what is gone.
#[derive(Debug, Default)]
pub struct Gone {
    names: BTreeSet<String>,
}

impl Gone {
    /// What a change takes out of its code.
    pub fn of(changes: &[&Change<'_>], lines: &Lines<'_>) -> Self {
        let mut names = BTreeSet::new();
        for (at, change) in changes.iter().enumerate() {
            let path = change.path.as_str();
            if !paths::is_code(path) || paths::is_test(path) || paths::is_settings(path) {
                continue;
            }
            let lines = lines.of_file(at);
            if lines.added.iter().any(|(_, line)| !line.trim().is_empty()) {
                return Self::default();
            }
            names.extend(lines.removed.iter().flat_map(|(_, line)| defined(line)));
        }
        if !names.is_empty() {
            for change in changes {
                for line in change.new.text().lines() {
                    defined(line).for_each(|name| {
                        names.remove(&name);
                    });
                }
            }
        }
        Self { names }
    }

    /// What is gone of what a test speaks of.
    pub fn subject_of(&self, test: &Unit) -> Option<&str> {
        if self.names.is_empty() {
            return None;
        }
        let said = test.assertions.iter().flat_map(|assertion| {
            assertion.expected.iter().chain([&assertion.subject, &assertion.said])
        });
        let words = said.flat_map(|text| {
            text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '?' | '!')))
        });
        let mut all = words.chain(test.calls.iter().map(String::as_str));
        all.find_map(|word| self.names.get(word)).map(String::as_str)
    }
}

fn defined(line: &str) -> impl Iterator<Item = String> {
    DEFINITION.captures_iter(line).filter_map(|found| found.get(1).map(|it| it.as_str().to_owned()))
}
