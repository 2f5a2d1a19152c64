//! Conditions as assertions: `assert x == 3`, `assert!(a < b)`, `if got != want`.

use super::is_value;
use super::strength::{is_length, made};
use crate::weakening::model::{Assertion, Strength};
use crate::weakening::tokens::{Token, closing, split, words};

/// What a condition asserts: `a == 3`, `len(x) > 0`, `x.is_ok()`.
pub fn of_condition(tokens: &[Token<'_>], verb: &str, line: u32) -> Assertion {
    let tokens = unwrapped(tokens);
    let whole = words(tokens);
    let is_or = |text: &str| matches!(text, "||" | "or");
    if split(tokens, is_or).len() > 1 {
        return Assertion { strength: Strength::Property, ..made(verb, whole, Vec::new(), line) };
    }
    for (operators, strength) in OPERATORS {
        let parts = split(tokens, |text| operators.contains(&text));
        if let [left, right, ..] = parts.as_slice()
            && !left.is_empty()
            && !right.is_empty()
        {
            let operator = tokens.get(left.len()).map_or("", |token| token.text);
            let (mut left, mut right) = (words(left), words(right));
            if is_value(&left) && !is_value(&right) {
                std::mem::swap(&mut left, &mut right);
            }
            let is_nothing = matches!(right.as_str(), "None" | "null" | "nil" | "undefined");
            let is_not = operators.contains(&"!=") || right.starts_with("not ");
            let strength = match (*strength, is_nothing || right == "not None") {
                (_, _) if left == right => Strength::Vacuous,
                (Strength::Exact, _) if right.contains("approx (") => Strength::Close,
                (Strength::Exact, _) if is_length(&left) => Strength::Part,
                (Strength::Property, true) => Strength::Something,
                (_, true) if is_not => Strength::Something,
                (strength, _) => strength,
            };
            let verb = format!("{verb} {operator}");
            return Assertion {
                verb,
                subject: left,
                expected: vec![right],
                strength,
                conditions: 0,
                line,
                said: String::new(),
                is_awaited: false,
            };
        }
    }
    let strength = match whole.as_str() {
        "true" | "True" | "1" | "! false" | "not False" => Strength::Vacuous,
        _ if is_value(&whole) => Strength::Vacuous,
        _ => of_last_call(&whole),
    };
    Assertion {
        verb: verb.to_owned(),
        subject: whole,
        expected: Vec::new(),
        strength,
        conditions: 0,
        line,
        said: String::new(),
        is_awaited: false,
    }
}

/// Operators, those that bind least first, and what they ask for.
const OPERATORS: &[(&[&str], Strength)] = &[
    (&["==", "===", "is", "eq"], Strength::Exact),
    (&["!=", "!==", "is not", "not in"], Strength::Property),
    (&["<", ">", "<=", ">="], Strength::Part),
    (&["in", "=~"], Strength::Part),
];

/// What a condition asks for that is one call: `x.contains(y)` a part, `x.is_ok()` something.
fn of_last_call(whole: &str) -> Strength {
    let name: String = whole.rsplit(". ").next().unwrap_or(whole).to_lowercase();
    let name = name.split([' ', '(']).next().unwrap_or_default().replace('_', "");
    match name.as_str() {
        "isok" | "issome" | "iserr" | "isdefined" | "ispresent" | "any" | "exists"
        | "isnotnull" => Strength::Something,
        name if name.contains("contain")
            || name.contains("startswith")
            || name.contains("endswith")
            || name.contains("match")
            || name.contains("include") =>
        {
            Strength::Part
        }
        "equals" | "equal" | "isempty" | "isnone" => Strength::Exact,
        _ => Strength::Property,
    }
}

/// The tokens without brackets around all of them.
fn unwrapped<'t, 's>(mut tokens: &'t [Token<'s>]) -> &'t [Token<'s>] {
    while tokens.first().is_some_and(|token| token.text == "(")
        && closing(tokens, 0) + 1 == tokens.len()
    {
        tokens = &tokens[1..tokens.len() - 1];
    }
    tokens
}
