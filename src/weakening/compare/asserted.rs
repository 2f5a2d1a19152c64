//! Assertions as they were and as they are: which became which, and which asks for less.
//!
//! They are matched from the most alike to the least: the same words, the same two sides, the same
//! expected value, the same subject, and at last one for one. What is left of the old is gone.

use super::rewritten;
use super::slack::{Slack, is_a_bound, slack};
use crate::weakening::assertions::is_value;
use crate::weakening::model::{Assertion, Strength, Unit};
use crate::weakening::shown;

type Tell<'a> = dyn FnMut(&'static str, u32, String) + 'a;

/// Whether two tests assert mostly the same.
pub fn are_alike(old: &Unit, new: &Unit) -> bool {
    let same = old
        .assertions
        .iter()
        .filter(|was| new.assertions.iter().any(|is| says_same(was, is)))
        .count();
    same > 0 && same * 2 >= old.assertions.len()
}

pub fn says_same(was: &Assertion, is: &Assertion) -> bool {
    was.verb == is.verb && was.subject == is.subject && was.expected == is.expected
}

/// The values that a test is about: what it expects and what its subjects are called with.
pub fn values_of(unit: &Unit) -> Vec<String> {
    let mut values: Vec<String> = unit.assertions.iter().flat_map(values).collect();
    values.retain(|value| value.len() > 1 || value.chars().all(|c| c.is_ascii_digit()));
    values.sort();
    values.dedup();
    values
}

/// Whether a test has all of these values, in assertions or in its table.
pub fn holds(unit: &Unit, wanted: &[String]) -> bool {
    wanted.iter().all(|value| {
        unit.cases.iter().any(|case| words_of(&case.text).any(|word| word == value))
            || unit.assertions.iter().any(|assertion| values(assertion).contains(value))
    })
}

/// Whether a test asserts what another one did, each in an assertion of the same thing.
pub fn takes_up(was: &Unit, now: &Unit) -> bool {
    let is_run = now.skips.is_empty() || !was.skips.is_empty();
    let is_said = |before: &Assertion| {
        let wanted = values(before);
        now.assertions.iter().any(|after| {
            let held = values(after);
            let is_as_strong = after.strength >= before.strength && shares_a_name(before, after);
            is_as_strong && wanted.iter().all(|value| held.contains(value))
        })
    };
    is_run && was.assertions.iter().all(is_said)
}

/// Whether two assertions speak of something by the same name.
fn shares_a_name(one: &Assertion, other: &Assertion) -> bool {
    let names = |assertion: &Assertion| -> Vec<String> {
        let texts = assertion.expected.iter().chain([&assertion.subject]);
        let words = texts.flat_map(|text| text.split(|c: char| !(c.is_alphanumeric() || c == '_')));
        words.filter(|word| word.starts_with(char::is_alphabetic)).map(str::to_owned).collect()
    };
    let others = names(other);
    names(one).iter().any(|name| others.contains(name))
}

/// The words of a text that are values: quoted texts whole.
pub fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let end = if first == '"' {
            rest[1..].find('"').map_or(rest.len(), |at| at + 2)
        } else {
            rest.find(' ').unwrap_or(rest.len())
        };
        let (word, after) = rest.split_at(end.max(first.len_utf8()));
        rest = after;
        Some(word)
    })
}

fn values(assertion: &Assertion) -> Vec<String> {
    let texts = assertion.expected.iter().chain(std::iter::once(&assertion.subject));
    texts.flat_map(|text| words_of(text)).filter(|word| is_value(word)).map(str::to_owned).collect()
}

/// What is said of a test while its assertions are compared.
#[derive(Debug)]
pub struct About<'a> {
    /// Its name, for people.
    pub name: &'a str,
    /// Its line.
    pub line: u32,
    /// The file that it is in.
    pub path: &'a str,
    /// Values that stood in it and no longer do.
    pub lost: Vec<String>,
}

/// The values of a unit that another does not have, counted.
pub fn lost(old: &Unit, new: &Unit) -> Vec<String> {
    missing(&old.values, &new.values)
}

/// What is in one list and not in another, counted: twice here and once there is once.
pub fn missing(old: &[String], new: &[String]) -> Vec<String> {
    let mut left: Vec<&String> = new.iter().collect();
    let is_missing = |value: &&String| match left.iter().position(|other| other == value) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    };
    old.iter().filter(is_missing).cloned().collect()
}

/// Compares what a test asserted with what it asserts.
pub fn compare(about: &About<'_>, (was, is): (&[&Assertion], &[&Assertion]), tell: &mut Tell<'_>) {
    let name = about.name;
    let mut old: Vec<&Assertion> = was.to_vec();
    let mut new: Vec<&Assertion> = is.to_vec();
    // The same number of conditions first, so that a copy behind a condition is not the original.
    let ways: [fn(&Assertion, &Assertion) -> bool; 8] = [
        |a, b| says_same(a, b) && a.conditions >= b.conditions,
        says_same,
        |a, b| a.subject == b.subject && a.expected == b.expected,
        |a, b| a.verb == b.verb && a.expected == b.expected && !a.expected.is_empty(),
        |a, b| a.subject == b.subject && a.verb == b.verb,
        |a, b| a.subject == b.subject,
        |a, b| {
            !values(a).is_empty()
                && sorted(values(a)) == sorted(values(b))
                && a.strength <= b.strength
        },
        |a, b| a.verb == b.verb,
    ];
    for way in ways {
        pair(&mut old, &mut new, way, &mut |was, is| judge(about, was, is, tell));
    }
    pair(&mut old, &mut new, |_, _| true, &mut |was, is| judge(about, was, is, tell));
    for gone in old {
        let at = is.first().map_or(about.line, |first| first.line);
        let message = format!("{name} no longer asserts `{}`", shown(&said(gone)));
        tell("assertion-removed", at, message);
    }
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values
}

/// Takes out of both lists what belongs together, and tells of it.
fn pair<'a>(
    old: &mut Vec<&'a Assertion>,
    new: &mut Vec<&'a Assertion>,
    way: impl Fn(&Assertion, &Assertion) -> bool,
    then: &mut dyn FnMut(&Assertion, &Assertion),
) {
    let mut at = 0;
    while at < old.len() {
        match new.iter().position(|is| way(old[at], is)) {
            Some(found) => {
                let is = new.remove(found);
                then(old.remove(at), is);
            }
            None => at += 1,
        }
    }
}

/// An assertion in words.
fn said(assertion: &Assertion) -> String {
    let Assertion { verb, subject, expected, said, .. } = assertion;
    if !said.is_empty() {
        return said.clone();
    }
    format!("{verb} {subject} {}", expected.join(", ")).trim().to_owned()
}

/// What one assertion became.
fn judge(about: &About<'_>, was: &Assertion, is: &Assertion, tell: &mut Tell<'_>) {
    let name = about.name;
    let is_left_alone = was.is_awaited && !is.is_awaited && was.said == is.said;
    if is.conditions > was.conditions || is_left_alone {
        let how = if is_left_alone {
            "and nobody waits for it"
        } else {
            "only on a condition, or where its failure is caught"
        };
        let message = format!("{name} asserts `{}` {how}", shown(&said(is)));
        tell("assertion-conditional", is.line, message);
    }
    if says_same(was, is) {
        return;
    }
    let became = || format!("`{}` became `{}`", shown(&said(was)), shown(&said(is)));
    if is.strength == Strength::Vacuous && was.strength != Strength::Vacuous {
        return tell(
            "assertion-vacuous",
            is.line,
            format!("in {name} {}, which cannot fail", became()),
        );
    }
    let is_less = is.strength < was.strength && !rewritten::is_as_near(was, is);
    if is_less
        || rewritten::lets_any(was, is)
        || rewritten::leaves_out(was, is)
        || rewritten::is_evened_out(was, is)
    {
        return tell(
            "assertion-loosened",
            is.line,
            format!("in {name} {}, which asks for less", became()),
        );
    }
    let same_subject = was.subject == is.subject;
    let is_opposite = same_subject && was.expected == is.expected && is_turned(was, is);
    if is.strength > was.strength
        && !is_opposite
        && (same_subject || is_part(&was.subject, &is.subject))
    {
        return;
    }
    if is_turned(was, is) {
        return tell("expected-edited", is.line, format!("in {name} {}, the opposite", became()));
    }
    let is_bound =
        was.strength == is.strength && (was.strength == Strength::Close || is_a_bound(was));
    if is_bound
        && same_subject
        && let Some(slack) = slack(was, is)
    {
        if slack == Slack::Wider {
            tell("tolerance-raised", is.line, format!("in {name} {}", became()));
        }
        return;
    }
    if is_edited(about, was, is) {
        tell("expected-edited", is.line, format!("in {name} {}", became()));
    }
}

/// Whether a value that was expected, or asked with, is another one now.
fn is_edited(about: &About<'_>, was: &Assertion, is: &Assertion) -> bool {
    let (before, after) = (values(was), values(is));
    // A value may move into a variable, and more may be asked for; none may be exchanged.
    let is_kept = before.iter().all(|value| {
        after.contains(value)
            || !about.lost.contains(value)
            || rewritten::names_status(value, is)
            || rewritten::is_within(value, &after)
            || rewritten::is_notation(value, &after, about.path)
            || rewritten::is_fixed_time(value, &after)
            || rewritten::is_in_pattern(value, is)
            || value == "nil" && was.subject.contains("== nil ||")
            || rewritten::is_looked_up(value, was, is)
    });
    let is_kept = is_kept || rewritten::is_by_kind(was, is);
    let written = |assertion: &Assertion| -> Vec<String> {
        assertion.expected.iter().filter(|part| is_value(part)).cloned().collect()
    };
    let (wanted, wants) = (written(was), written(is));
    let is_same = |(one, other): (&String, &String)| {
        let other_alone = std::slice::from_ref(other);
        one == other
            || rewritten::is_notation(one, other_alone, about.path)
            || rewritten::is_fixed_time(one, other_alone)
    };
    let is_unchanged = wanted.len() == wants.len() && wanted.iter().zip(&wants).all(is_same);
    let is_exchanged = was.subject == is.subject && !wants.is_empty() && !is_unchanged;
    !is_kept || is_exchanged
}

/// Whether one subject is in the other: `x` in `x . is_ok ( )`.
fn is_part(one: &str, other: &str) -> bool {
    one.contains(other) || other.contains(one)
}

/// Whether one is the negation of the other.
fn is_turned(was: &Assertion, is: &Assertion) -> bool {
    let bare = |subject: &str| {
        subject
            .trim_start_matches("! ")
            .trim_start_matches("not ")
            .trim_matches(['(', ')', ' '])
            .to_owned()
    };
    let negations = |assertion: &Assertion| {
        let verb = &assertion.verb;
        let by_verb = ["not", "refute", "wont", "assertfalse", "isfalse", "!="]
            .iter()
            .any(|word| verb.contains(word))
            || verb.ends_with("ne")
            || matches!(verb.as_str(), "assertfalse" | "false");
        let by_subject =
            assertion.subject.starts_with("! ") || assertion.subject.starts_with("not ");
        usize::from(by_verb) + usize::from(by_subject)
    };
    bare(&was.subject) == bare(&is.subject) && negations(was) % 2 != negations(is) % 2
}
