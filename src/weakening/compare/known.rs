//! Values that a test knows by a name: what it goes by is edited where they are.
//!
//! Not names of what the code under test gives back: only values that are written out count. The
//! invariant: a name that gets a second value has none that can be relied on.

use super::asserted::{self, words_of};
use super::own_name;
use super::units::Sides;
use crate::weakening::assertions::is_value;
use crate::weakening::model::{Assertion, Reading, Unit, UnitKind};
use crate::weakening::tokens::tight;
use crate::weakening::{habits, paths, shown};

/// The most names of a unit that are looked at.
const NAMES_MAX: usize = 200;

/// Calls that only write a value down.
const MAKERS: &[&str] = &[
    "dict",
    "list",
    "set",
    "tuple",
    "frozenset",
    "date",
    "datetime",
    "timedelta",
    "of",
    "asList",
    "entry",
    "from",
    "json",
    "stripIndent",
    "dedent",
    "bytes",
    "String",
    "from_secs",
];

/// What a name is given until it gets its value.
const NOTHING: &[&str] = &["null", "nil", "None", "undefined"];

/// Tells of values that assertions name and that lost something that was written in them.
pub fn edited(
    (name, sides): (&str, &Sides<'_>),
    (old, new): (&Unit, &Unit),
    asserted: &[&Assertion],
    tell: &mut impl FnMut(&'static str, u32, String),
) {
    let is_test_file = paths::is_test(sides.path.as_str());
    let is_named = |known: &str| {
        let is_it = |text: &String| text.split(' ').any(|word| word == known);
        asserted.iter().find(|it| it.expected.iter().any(is_it) || is_it(&it.subject))
    };
    for (known, was) in names_of(old, sides.old.filter(|_| is_test_file)) {
        if habits::is_tolerance(known) || habits::is_wait(known) || was.is_empty() {
            continue;
        }
        let mut now = names_of(new, sides.new.filter(|_| is_test_file));
        let Some((_, is)) = now.find(|(name, _)| *name == known) else { continue };
        if was == is || !has_lost(sides.path.as_str(), was, is) {
            continue;
        }
        if let Some(assertion) = is_named(known) {
            let message = format!(
                "{name} goes by `{}`, which was `{}` and is `{}`",
                shown(known),
                shown(&tight(was)),
                shown(&tight(is))
            );
            tell("expected-edited", assertion.line, message);
        }
    }
}

/// Tells of helpers whose result is what an assertion expects, and that lost a value.
pub fn made(
    (name, sides): (&str, &Sides<'_>),
    asserted: &[&Assertion],
    tell: &mut impl FnMut(&'static str, u32, String),
) {
    let (Some(old), Some(new)) = (sides.old, sides.new) else { return };
    let mut seen: Vec<&str> = Vec::new();
    for it in asserted {
        let words: Vec<&str> = it.expected.iter().flat_map(|text| text.split(' ')).collect();
        for pair in words.windows(2).filter(|pair| pair[1] == "(") {
            let called = pair[0];
            if seen.contains(&called) || seen.len() >= NAMES_MAX {
                continue;
            }
            seen.push(called);
            for was in functions_beside(old).filter(|was| own_name(&was.name) == called) {
                let Some(is) = functions_beside(new).find(|is| is.name == was.name) else {
                    continue;
                };
                let Some(value) = asserted::lost(was, is).into_iter().next() else { continue };
                let message = format!(
                    "{name} goes by `{}`, which no longer has `{}` in it",
                    shown(&was.name),
                    shown(&value)
                );
                tell("expected-edited", it.line, message);
            }
        }
    }
}

/// The functions beside the tests.
fn functions_beside(file: &Reading) -> impl Iterator<Item = &Unit> {
    file.units.iter().filter(|unit| unit.kind == UnitKind::Helper)
}

/// The names of a unit, and of the file around it.
fn names_of<'a>(
    unit: &'a Unit,
    file: Option<&'a Reading>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let around = file.and_then(|file| file.units.first()).into_iter();
    let all = unit.names.iter().chain(around.flat_map(|file| &file.names));
    all.take(NAMES_MAX).map(|(name, value)| (name.as_str(), value.as_str()))
}

/// Whether a value that was written out, and called nothing, is no longer all there.
fn has_lost(path: &str, was: &str, is: &str) -> bool {
    // In Go and C# functions have such names as well.
    let makes_by_name = !path.ends_with(".go") && !path.ends_with(".cs");
    let values = |text: &str| -> Vec<String> {
        let is_written = |word: &&str| is_value(word) && !NOTHING.contains(word);
        words_of(text).filter(is_written).map(str::to_owned).collect()
    };
    // A call's result is not written out, and what is given to it is another thing.
    let words: Vec<&str> = was.split(' ').collect();
    let is_called = words.windows(2).enumerate().any(|(at, pair)| {
        let before = at.checked_sub(1).and_then(|at| words.get(at)).copied().unwrap_or("");
        let [word, "("] = pair else { return false };
        let is_name = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let is_made = before == "new"
            || MAKERS.contains(word)
            || word.starts_with(char::is_uppercase) && before != "." && makes_by_name;
        is_name && !is_made
    });
    !is_called && !asserted::missing(&values(was), &values(is)).is_empty()
}
