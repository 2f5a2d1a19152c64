//! Errors that are asserted by hand, and the kind of an error that a call names as a type.

use super::strength::made;
use crate::weakening::model::Assertion;
use crate::weakening::tokens::{Link, Token, arguments, words};

/// Whether an assertion always fails.
pub fn is_failure(assertion: &Assertion) -> bool {
    let is_false = |text: &str| matches!(text, "false" | "False");
    let wants_false =
        assertion.subject == "true" && assertion.expected.iter().any(|it| is_false(it));
    matches!(assertion.verb.as_str(), "fail" | "flunk" | "assertfail")
        || assertion.expected.is_empty() && is_false(&assertion.subject)
        || wants_false
}

/// What is said by a failure after what shall be refused: that it is, with an error of these kinds.
pub fn of_refusal(kinds: Vec<String>, line: u32) -> Assertion {
    made("assertthrows", String::new(), kinds, line)
}

/// The kind that a call names as a type: `Throws<ArgumentException>`.
pub fn kind_of(tokens: &[Token<'_>], link: &Link<'_, '_>) -> Option<String> {
    let at = tokens.iter().position(|token| std::ptr::eq(token.text, link.name))?;
    let inside = match tokens.get(at + 1..)? {
        [open, inside @ ..] if open.text == "<" => inside,
        _ => return None,
    };
    let end = inside.iter().position(|token| token.text == "(")?;
    inside.get(..end.checked_sub(1)?).map(words)
}

/// Whether a chain is about an error by its first word: `assertThatThrownBy(…)`.
fn is_of_thrown(root: &str) -> bool {
    root == "assertthatthrownby"
        || root.starts_with("assertthat") && root.ends_with("exception")
        || root == "assertthatexceptionoftype"
}

/// An error that a whole chain describes: `assertThatThrownBy(…).isInstanceOf(X.class)
/// .hasMessage("…")`, `act.Should().Throw<X>().WithMessage("…")`.
pub fn thrown(tokens: &[Token<'_>], links: &[Link<'_, '_>], line: u32) -> Option<Assertion> {
    let is_throw = |link: &Link<'_, '_>| {
        matches!(link.name, "Throw" | "ThrowExactly" | "ThrowAsync" | "ThrowExactlyAsync")
    };
    let at = match links.first() {
        Some(first) if is_of_thrown(&first.name.to_lowercase()) => 0,
        _ => links.iter().position(is_throw).filter(|at| *at > 1)?,
    };
    let kind = kind_of(tokens, &links[at]);
    let steps = links.get(at + 1..)?.iter().filter_map(|link| link.args);
    let said = steps.flat_map(arguments).map(words);
    let subject = links[at].args.filter(|args| !args.is_empty()).unwrap_or_default();
    Some(made("assertthrows", words(subject), kind.into_iter().chain(said).collect(), line))
}
