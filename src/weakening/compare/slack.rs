//! How much a bound or a tolerance lets through, before and after.
//!
//! Not what a value is compared with: where that was edited too, nothing is said here.

use crate::weakening::habits;
use crate::weakening::model::{Assertion, Strength};
use crate::weakening::tokens::number;

/// What became of a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slack {
    /// It lets more through.
    Wider,
    /// It lets less through, or as much.
    Narrower,
}

/// How near a comparison asks two numbers to be that says nothing of it.
const NEAR: f64 = 1e-6;

/// Digits that have to be equal where nothing is said, in the libraries that count digits: the fewest.
const DIGITS: f64 = 2.0;

/// Whether an assertion says how much or how little there may be.
pub fn is_a_bound(assertion: &Assertion) -> bool {
    const WORDS: &[&str] = &[
        "<", ">", "greater", "less", "atleast", "atmost", "above", "below", "morethan", "between",
        "within",
    ];
    const ENDS: &[&str] = &["gt", "lt", "ge", "le", "gte", "lte"];
    assertion.strength == Strength::Part
        && (WORDS.iter().any(|word| assertion.verb.contains(word))
            || ENDS.iter().any(|end| assertion.verb.ends_with(end)))
}

/// Whether a bound or a tolerance lets more through; `None` when something else was edited.
pub fn slack(was: &Assertion, is: &Assertion) -> Option<Slack> {
    let (before, after) = (numbers(was), numbers(is));
    let said = format!("{} {}", is.verb, is.expected.join(" ")).to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    // xUnit counts digits, where others say how far.
    let is_xunit =
        is.verb == "assertequal" && is.expected.last().is_some_and(|last| !last.contains('.'));
    let is_digits = has(&["tobecloseto", "places", "digits", "precision"])
        || has(&["almostequal"]) && !has(&["delta"])
        || is_xunit;
    // A tolerance that was not said before.
    if let Some((added, first)) = after.split_last()
        && first == before
        && text(is).starts_with(text(was).trim_end_matches([' ', ')']))
    {
        let is_wider = if is_digits { *added < DIGITS } else { *added > NEAR };
        return Some(if is_wider { Slack::Wider } else { Slack::Narrower });
    }
    let (last_before, first_before) = before.split_last()?;
    let (last_after, first_after) = after.split_last()?;
    if before.len() != after.len() || first_before != first_after || text(was) != text(is) {
        return None;
    }
    let is_lower_bound =
        [">", "greater", "atleast", "above", "morethan"].iter().any(|word| is.verb.contains(word));
    let (last_before, last_after) = (last_before * scale(was), last_after * scale(is));
    let is_higher = last_after > last_before;
    Some(if is_higher == (is_digits || is_lower_bound) { Slack::Narrower } else { Slack::Wider })
}

fn said(assertion: &Assertion) -> impl Iterator<Item = &str> {
    assertion.expected.iter().flat_map(|text| text.split(' '))
}

fn numbers(assertion: &Assertion) -> Vec<f64> {
    said(assertion).filter_map(number).collect()
}

/// What units of time multiply with.
fn scale(assertion: &Assertion) -> f64 {
    said(assertion).map(habits::unit_of).product()
}

/// What is expected but for numbers and units of time.
fn text(assertion: &Assertion) -> String {
    let is_unit = |word: &str| (habits::unit_of(word) - 1.0).abs() > f64::EPSILON;
    let words = said(assertion).filter(|word| number(word).is_none() && !is_unit(word));
    words.collect::<Vec<_>>().join(" ")
}
