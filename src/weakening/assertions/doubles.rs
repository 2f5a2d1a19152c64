//! What is asked of a double: that it was called, how often and with what.

use super::strength::made;
use crate::weakening::model::{Assertion, Strength};
use crate::weakening::tokens::{Link, Token, arguments, words};

/// `verify(mailer, times(2)).send("ada")`: a call that was made, how often and with what.
pub fn of_verification(verb: &str, on: &[Token<'_>], call: &[Token<'_>], line: u32) -> Assertion {
    let often = words(arguments(on).get(1).copied().unwrap_or_default());
    let mut expected: Vec<String> = arguments(call).iter().map(|arg| words(arg)).collect();
    // Once is what is meant where nothing is said.
    if !matches!(often.as_str(), "" | "times ( 1 )") {
        expected.push(often.clone());
    }
    let strength = match often.replace(' ', "").as_str() {
        "atLeast(0)" => Strength::Vacuous,
        often if often.starts_with("atLeast") || often.starts_with("atMost") => Strength::Part,
        _ => Strength::Exact,
    };
    let subject = words(arguments(on).first().copied().unwrap_or_default());
    Assertion { strength, ..made(verb, subject, expected, line) }
}

/// `mailer.Received(1).Send("ada")` of NSubstitute.
pub fn of_received(links: &[Link<'_, '_>], line: u32) -> Option<Assertion> {
    let is_it = |link: &Link<'_, '_>| {
        matches!(link.name, "Received" | "DidNotReceive") && link.args.is_some()
    };
    let at = links.iter().position(is_it).filter(|at| *at > 0)?;
    let call = links.get(at + 1)?;
    let subject: Vec<&str> = links[..at].iter().chain([call]).map(|link| link.name).collect();
    let expected = arguments(call.args?).iter().map(|arg| words(arg)).collect();
    // Without a number, once or more.
    let is_counted = links[at].name == "DidNotReceive" || !links[at].args?.is_empty();
    let strength = if is_counted { Strength::Exact } else { Strength::Part };
    let verb = format!("verify{}", links[at].name.to_lowercase());
    Some(Assertion { strength, ..made(&verb, subject.join(" . "), expected, line) })
}
