//! Thresholds of coverage: a number beside a key that says so, before and after.

use std::sync::LazyLock;

use regex::Regex;

use super::code;
use crate::domain::gate::Finding;
use crate::weakening::tokens::number;
use crate::weakening::{Change, Side, finding, patterns, shown};

static COVERAGE: LazyLock<Regex> = LazyLock::new(|| patterns::joined("coverage"));

/// A key without layout and without the tool that it is for.
fn plain(key: &str) -> String {
    let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    plain.strip_prefix("cov").map_or(plain.clone(), str::to_owned)
}

/// Thresholds of coverage that fell or are gone.
pub fn look(change: &Change<'_>, found: &mut Vec<Finding>) {
    let lower = change.path.as_str().to_lowercase();
    let is_about = |text: &str| {
        text.to_lowercase().contains("cov")
            || lower.contains("jest")
            || lower.contains("vitest")
            || lower.contains("nyc")
            || lower.contains("c8rc")
            || text.contains("jacoco")
    };
    if change.old == Side::Absent || !is_about(change.old.text()) {
        return;
    }
    let all = |text: &str| -> Vec<(String, f64, u32)> {
        let mut all = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let hits = COVERAGE.captures_iter(code(text));
            all.extend(hits.filter_map(|hit| {
                let value = number(hit.get(2)?.as_str())?;
                Some((hit.get(1)?.as_str().to_lowercase(), value, line))
            }));
        }
        all
    };
    let mut now = all(change.new.text());
    for (key, was, _) in all(change.old.text()) {
        // The same threshold under the name that another tool has for it.
        let same = now.iter().position(|(other, _, _)| *other == key);
        let same = same.or_else(|| now.iter().position(|(other, ..)| plain(other) == plain(&key)));
        match same {
            Some(at) => {
                let (_, is, line) = now.remove(at);
                if is < was {
                    let message = format!(
                        "the coverage threshold `{}` falls from {was} to {is}",
                        shown(&key)
                    );
                    found.push(finding("coverage-lowered", change.path, Some(line), message));
                }
            }
            None if was > 0.0 => {
                let message = format!("the coverage threshold `{}` is gone", shown(&key));
                found.push(finding("coverage-lowered", change.path, None, message));
            }
            None => {}
        }
    }
}
