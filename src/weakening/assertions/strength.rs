//! How much an assertion asks for, by the words that its verb is made of.

use crate::weakening::model::{Assertion, Strength};

/// An assertion, with the strength that its verb has.
pub fn made(verb: &str, subject: String, expected: Vec<String>, line: u32) -> Assertion {
    let strength = strength_of(verb, &subject, &expected);
    Assertion {
        verb: verb.to_owned(),
        subject,
        expected,
        strength,
        conditions: 0,
        line,
        said: String::new(),
        is_awaited: false,
    }
}

/// A family of verbs: parts that one of them has in it, words that are one by themselves, and what
/// they ask for.
type Family = (&'static [&'static str], &'static [&'static str], Strength);

/// Families of verbs; the first that fits decides.
const FAMILIES: &[Family] = &[
    (
        &["almost", "close", "approx", "delta", "within", "near", "toleran", "epsilon"],
        &[],
        Strength::Close,
    ),
    (
        &["calledonce", "calledtimes", "calledwith", "receivedwith", "snapshot"],
        &[],
        Strength::Exact,
    ),
    (
        &["instance", "typeof", "kindof", "isa", "respond", "implement", "assignable"],
        &["type", "kind"],
        Strength::Property,
    ),
    (
        &[
            "contain",
            "include",
            "match",
            "regex",
            "start",
            "end",
            "subset",
            "superset",
            "partial",
            "satisf",
            "anyof",
            "oneof",
            "substring",
            "greater",
            "less",
            "atleast",
            "atmost",
            "above",
            "below",
            "between",
            "morethan",
            "positive",
            "operator",
            "length",
            "count",
            "size",
        ],
        &["in", "gt", "ge", "gte", "lt", "le", "lte"],
        Strength::Part,
    ),
    (
        &[
            "anything", "defined", "truthy", "falsey", "falsy", "present", "exist", "ok",
            "success", "some", "called", "received", "invoked", "noerror", "visible", "attached",
        ],
        &[],
        Strength::Something,
    ),
    (
        &[
            "eq",
            "same",
            "identical",
            "null",
            "nil",
            "none",
            "empty",
            "undefined",
            "false",
            "lines",
            "text",
            "value",
            "property",
            "status",
            "error",
        ],
        &["be", "", "is", "have", "by"],
        Strength::Exact,
    ),
];

/// Beginnings of verbs that only make them read well.
const BEGINNINGS: [&str; 6] = ["assert", "must", "tohave", "tobe", "to", "should"];

/// Beginnings that turn a verb around.
const NEGATIONS: [&str; 6] = ["not", "refute", "wont", "isnot", "never", "doesnot"];

/// How much a verb asks for.
fn strength_of(verb: &str, subject: &str, expected: &[String]) -> Strength {
    let core = BEGINNINGS.iter().fold(verb, |verb, start| verb.trim_start_matches(start));
    let has = |parts: &[&str]| parts.iter().any(|part| core.contains(part));
    let expects = |is: fn(&str) -> bool| expected.iter().any(|part| is(part));
    if !subject.is_empty() && expected.first().is_some_and(|part| part == subject) {
        return Strength::Vacuous;
    }
    if core == "ne" || NEGATIONS.iter().any(|start| core.starts_with(start)) {
        let is_there = has(&["null", "nil", "none", "undefined", "empty"]) || expects(is_nothing);
        return match (is_there, has(&["called", "received", "invoked"])) {
            (true, _) => Strength::Something,
            (_, true) => Strength::Exact,
            _ => Strength::Property,
        };
    }
    if expects(|part| part.contains("approx (") || part.contains("closeTo (")) {
        return Strength::Close;
    }
    if has(&["throw", "raise", "panic", "reject"]) {
        return of_error(subject, expected);
    }
    if expects(|part| part.starts_with("exact_text :")) {
        return Strength::Exact;
    }
    let fits = |(parts, words, _): &&Family| has(parts) || words.contains(&core);
    let strength =
        FAMILIES.iter().find(fits).map_or(Strength::Property, |(_, _, strength)| *strength);
    if is_length(subject) { strength.min(Strength::Part) } else { strength }
}

/// Whether a subject is how many there are of something, and not what they are.
pub fn is_length(subject: &str) -> bool {
    const ENDS: &[&str] = &[
        ". length",
        ". length ( )",
        ". len ( )",
        ". size",
        ". size ( )",
        ". count",
        ". count ( )",
        ". Count",
        ". Count ( )",
        ". Length",
    ];
    subject.starts_with("len (") && subject.ends_with(')')
        || ENDS.iter().any(|end| subject.ends_with(end))
}

/// How much is asked of an error: its message, its kind, or only that there is one.
fn of_error(subject: &str, expected: &[String]) -> Strength {
    let names_message = expected
        .iter()
        .filter(|part| !is_callable(part))
        .any(|part| part.contains('"') || part.starts_with('/'));
    // `{ name : "RangeError" , message : /empty/ }` is what the error must be like.
    let is_likeness = |part: &String| part.starts_with("{ ") && !part.contains("=>");
    let names_message =
        names_message || expected.iter().any(|part| is_likeness(part) && part.contains("message"));
    let is_any = is_any_error(subject) && expected.iter().all(|part| is_any_error(part));
    match (is_any, names_message) {
        (_, true) => Strength::Exact,
        (true, _) => Strength::Something,
        (false, _) => Strength::Part,
    }
}

/// Whether what is expected is that there is nothing.
fn is_nothing(words: &str) -> bool {
    matches!(words, "null" | "nil" | "None" | "undefined" | "be_nil" | "be_empty")
}

/// Whether an error is any error.
fn is_any_error(words: &str) -> bool {
    matches!(
        words,
        "" | "Exception"
            | "BaseException"
            | "Error"
            | "StandardError"
            | "Throwable"
            | "System . Exception"
    ) || words.starts_with("Exception .")
        || words.starts_with("Throwable .")
        || is_callable(words)
}

/// Whether an argument is a function that is called to see what it does.
fn is_callable(words: &str) -> bool {
    ["=>", "->", "{"].iter().any(|part| words.contains(part))
        || words.starts_with("function")
        || words.starts_with("lambda")
}
