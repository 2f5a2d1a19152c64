//! Assertions: which calls and conditions are one, what they are about, and how much they ask for.
//!
//! Not a list of libraries: libraries of all languages build their words from the same few, so a
//! verb is taken apart and looked up by what is in it. A verb that nobody knows counts as a
//! property: it may be changed into something stronger, and not be dropped.

mod condition;
mod doubles;
mod refusal;
mod strength;

pub use self::condition::of_condition;
use self::doubles::{of_received, of_verification};
pub use self::refusal::{is_failure, of_refusal};
use self::refusal::{kind_of, thrown};
pub use self::strength::is_length;
use self::strength::made;
use super::model::{Assertion, Strength};
use super::tokens::{Link, Token, arguments, chain, words};

/// Roots that make a chain an assertion: what they are called with is its subject.
const SUBJECT_ROOTS: &[&str] =
    &["expect", "assertthat", "that", "expectthat", "verifythat", "assume"];

/// Objects whose methods are assertions.
const ASSERTING: &[&str] = &[
    "assert",
    "assertions",
    "require",
    "check",
    "self",
    "cls",
    "testcase",
    "chai",
    "qunit",
    "stringassert",
    "collectionassert",
    "pretty_assertions",
];

/// Words before the verb that only make it read well.
const FILLERS: &[&str] = &[
    "to",
    "be",
    "been",
    "is",
    "that",
    "which",
    "and",
    "has",
    "have",
    "with",
    "at",
    "of",
    "same",
    "but",
    "does",
    "still",
    "also",
    "resolves",
    "rejects",
    "eventually",
    "should",
    "deep",
    "own",
    "nested",
    "an",
    "a",
];

/// Words that turn a chain around.
const NEGATIONS: &[&str] = &["not", "to_not", "not_to", "tonot", "never", "nottohave"];

/// Verbs whose matcher comes after them.
const BRIDGES: &[&str] = &["to", "should", "not", "tonot", "notto", "toeventually", ""];

/// Verbs that say that something is true.
const TRUTHS: &[&str] = &["true", "tobetruthy", "betrue", "istrue", "betruthy", "tobetrue"];

/// Verbs that say that something is the same.
const SAMES: &[&str] =
    &["tobe", "toequal", "tostrictequal", "be", "eq", "equal", "isequalto", "equalto"];

/// A verb without layout: lower case, no underscores, no marks.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The assertion that a call is, if it is one.
pub fn of_call(tokens: &[Token<'_>]) -> Option<Assertion> {
    let line = tokens.first()?.line;
    let (links, rest) = chain(tokens);
    let first = links.first()?;
    let root = plain(first.name);
    if let Some(assertion) = of_received(&links, line).or_else(|| thrown(tokens, &links, line)) {
        return Some(assertion);
    }
    if SUBJECT_ROOTS.contains(&root.as_str()) && first.args.is_some() {
        return of_subject(first.args?, &links[1..], rest, line);
    }
    if let Some(at) = links
        .iter()
        .position(|link| matches!(plain(link.name).as_str(), "should" | "mustbe" | "wont"))
    {
        let subject = tokens.get(..end_of(tokens, links[at].name)).unwrap_or_default();
        return (at > 0).then(|| of_subject(subject, &links[at + 1..], rest, line)).flatten();
    }
    let (at, verb) = verb_of(&links, &root)?;
    let args = match links[at].args {
        Some(args) => arguments(args),
        None => arguments(rest),
    };
    if root == "verify" && at == 0 && links.len() > 1 {
        let call = links.last().and_then(|link| link.args).unwrap_or_default();
        return Some(of_verification(&verb, links[0].args.unwrap_or_default(), call, line));
    }
    // Spec style of Ruby: `x.must_equal 3`.
    if verb.starts_with("must") || verb.starts_with("wont") {
        let subject = tokens.get(..end_of(tokens, links[at].name)).unwrap_or_default();
        return Some(made(
            &verb,
            words(subject),
            args.iter().map(|arg| words(arg)).collect(),
            line,
        ));
    }
    let assertion = of_arguments(&verb, &args, line);
    let kind = kind_of(tokens, &links[at]).filter(|_| verb.contains("throw"));
    Some(match kind {
        Some(kind) => made(&verb, assertion.subject, vec![kind], line),
        None => assertion,
    })
}

/// Where the tokens end that a method of that name is called on.
fn end_of(tokens: &[Token<'_>], name: &str) -> usize {
    let at = tokens.iter().position(|token| std::ptr::eq(token.text, name)).unwrap_or(0);
    // Without the dot before it.
    at.saturating_sub(1)
}

/// The link that is the verb of an assertion in the style of functions, and the verb.
fn verb_of(links: &[Link<'_, '_>], root: &str) -> Option<(usize, String)> {
    let last = links.iter().rposition(|link| link.args.is_some()).unwrap_or(links.len() - 1);
    let stands_alone = |name: &str| {
        ["assert", "refute", "debugassert", "propassert", "expectto"]
            .iter()
            .any(|start| name.starts_with(start))
            || matches!(name, "fail" | "flunk" | "softassert")
    };
    if links.len() == 1 {
        // The name of a helper says what it is, wherever it is.
        let is_helper = ["check", "verify", "ensure"].iter().any(|start| root.starts_with(start));
        return (stands_alone(root) || is_helper).then(|| (0, root.to_owned()));
    }
    let name = plain(links[last].name);
    if name.starts_with("must") || name.starts_with("wont") {
        return Some((last, name));
    }
    if ASSERTING.contains(&root) || root.ends_with("assert") {
        let is_own = matches!(root, "self" | "cls" | "testcase" | "check");
        let first = plain(links[1].name);
        let named = if root == "chai" || is_own { stands_alone(&first) } else { true };
        let verb = if first.starts_with("assert") { first } else { format!("assert{first}") };
        return named.then_some((1, verb));
    }
    // Moq: `gateway.Verify(g => g.Capture(1), Times.Once())`.
    let is_lambda = |args: &[Token<'_>]| args.iter().take(8).any(|token| token.text == "=>");
    if name == "verify" && links[last].args.is_some_and(is_lambda) {
        return Some((last, name));
    }
    if root == "verify" {
        return Some((0, format!("verify{name}")));
    }
    if root == "pytest" && matches!(name.as_str(), "raises" | "warns" | "fail") {
        return Some((last, format!("assert{name}")));
    }
    let is_receiver = matches!(root, "t" | "b" | "f" | "this");
    let is_goes_on = is_receiver
        && matches!(name.as_str(), "error" | "errorf" | "fatal" | "fatalf" | "fail" | "failnow");
    if is_goes_on {
        return Some((last, "fail".to_owned()));
    }
    let is_method = is_receiver
        && (stands_alone(&name)
            || matches!(
                name.as_str(),
                "is" | "equal" | "deepequal" | "true" | "throws" | "like" | "pass"
            ));
    (stands_alone(&name) && last > 0 || is_method).then_some((last, name))
}

/// Whether a step of a chain says how to compare.
fn is_option(name: &str) -> bool {
    const STARTS: &[&str] = &["ignoring", "excluding", "only", "at_most", "at_least", "without"];
    let name = name.to_lowercase();
    STARTS.iter().any(|start| name.starts_with(start)) || name.ends_with("onlyfields")
}

/// `expect(subject).not.toBe(expected)`, `expect(subject).to eq(expected)`.
fn of_subject(
    subject: &[Token<'_>],
    links: &[Link<'_, '_>],
    rest: &[Token<'_>],
    line: u32,
) -> Option<Assertion> {
    let mut is_negated = false;
    let mut verb = String::new();
    let mut expected: Vec<String> = Vec::new();
    let mut args: Option<&[Token<'_>]> = None;
    for link in links {
        let name = plain(link.name);
        if NEGATIONS.contains(&link.name.to_lowercase().as_str()) || name == "isnot" {
            is_negated = !is_negated;
        }
        if !FILLERS.contains(&name.as_str()) || link.args.is_some_and(|args| !args.is_empty()) {
            verb = name;
        }
        if let Some(inside) = link.args {
            args = Some(inside);
        }
    }
    let subject_parts = arguments(subject);
    let mut about = subject_parts.first().map(|part| words(part)).unwrap_or_default();
    let given = args.filter(|args| !args.is_empty()).unwrap_or(rest);
    let matcher = if links.is_empty() && given.is_empty() {
        subject_parts.get(1).copied().unwrap_or_default()
    } else if BRIDGES.contains(&verb.as_str()) {
        given
    } else {
        &[]
    };
    if matcher.is_empty() {
        expected = args.map(arguments).unwrap_or_default().iter().map(|arg| words(arg)).collect();
    } else {
        is_negated ^= of_matcher(matcher, &mut verb, &mut expected);
    }
    if verb.is_empty() {
        return None;
    }
    // What a step on the way leaves out belongs to what is expected.
    let steps = links.iter().rev().skip(1).filter(|link| link.args.is_some());
    expected.extend(steps.filter(|link| is_option(link.name)).map(|link| link.name.to_owned()));
    if is_negated {
        verb = format!("not{verb}");
    }
    // What is compared inside of the subject is what the assertion is about.
    let is_true = expected.first().is_some_and(|word| word == "true" || word == "True");
    let is_truth = TRUTHS.contains(&verb.as_str()) || is_true && SAMES.contains(&verb.as_str());
    if is_truth && let Some(part) = subject_parts.first() {
        return Some(of_condition(part, &verb, line));
    }
    if expected.is_empty() && about.is_empty() {
        about = words(subject);
    }
    Some(made(&verb, about, expected, line))
}

/// Takes up what a matcher of its own says, as `eq(3)` or `Is.Not.Null`; whether it is turned
/// around.
fn of_matcher(matcher: &[Token<'_>], verb: &mut String, expected: &mut Vec<String>) -> bool {
    let (steps, after) = chain(matcher);
    let mut is_negated = false;
    for step in &steps {
        let name = plain(step.name);
        is_negated ^= NEGATIONS.contains(&name.as_str());
        if !matches!(name.as_str(), "is" | "does" | "has" | "with" | "message") {
            *verb = name;
        }
        expected.extend(step.args.map(arguments).unwrap_or_default().iter().map(|arg| words(arg)));
    }
    if !after.is_empty() {
        expected.push(words(after));
    }
    is_negated
}

/// `assertEquals(expected, actual)`: which is which is left open, so both are kept.
fn of_arguments(verb: &str, args: &[&[Token<'_>]], line: u32) -> Assertion {
    // The test's own handle says nothing.
    let args = match args {
        [first, rest @ ..]
            if !rest.is_empty() && matches!(words(first).as_str(), "t" | "tt" | "b") =>
        {
            rest
        }
        args => args,
    };
    let core =
        verb.trim_start_matches("debug").trim_start_matches("prop").trim_start_matches("assert");
    if matches!(core, "" | "true" | "istrue" | "that" | "ok" | "truthy")
        && let Some(condition) = args.first()
    {
        if args.len() > 1 && core == "that" {
            return of_subject(&joined(args), &[], &[], line)
                .unwrap_or_else(|| of_condition(condition, verb, line));
        }
        return of_condition(condition, verb, line);
    }
    if let Some(truth) = of_truth(verb, args, line) {
        return truth;
    }
    let parts: Vec<String> = args.iter().map(|arg| words(arg)).collect();
    let arity = if is_pairwise(core) { 2 } else { 1 };
    let tolerance: Vec<String> =
        parts.iter().skip(arity).filter(|part| is_tolerance(part)).cloned().collect();
    let mut operands: Vec<String> = parts.into_iter().take(arity).collect();
    // The one that is a value is what is expected; of two values, the second.
    let value = operands.iter().position(|part| is_value(part));
    let subject = match (operands.len(), value) {
        (2, Some(0)) => operands.swap_remove(1),
        (0, _) => String::new(),
        _ => operands.remove(0),
    };
    let has_tolerance = !tolerance.is_empty();
    operands.extend(tolerance);
    let assertion = made(verb, subject, operands, line);
    let strength =
        if has_tolerance { assertion.strength.min(Strength::Close) } else { assertion.strength };
    Assertion { strength, ..assertion }
}

/// `assert_eq!(x, true)`: in Rust, where nothing else is equal to `true`, the same as `assert!(x)`.
fn of_truth(verb: &str, args: &[&[Token<'_>]], line: u32) -> Option<Assertion> {
    let [left, right, ..] = args else { return None };
    let (value, subject) = if is_value(&words(left)) { (left, right) } else { (right, left) };
    match (verb, words(value).as_str()) {
        ("asserteq", "true") => Some(of_condition(subject, "assert", line)),
        ("asserteq", "false") => {
            let plain = of_condition(subject, "assert", line);
            Some(Assertion { subject: format!("! {}", plain.subject), ..plain })
        }
        _ => None,
    }
}

/// Arguments as they stood, commas included.
fn joined<'s>(args: &[&[Token<'s>]]) -> Vec<Token<'s>> {
    let mut all = Vec::new();
    for arg in args {
        if let (Some(last), Some(first)) = (all.last().copied(), arg.first()) {
            let last: Token<'s> = last;
            all.push(Token { text: ",", start: first.start, line: last.line });
        }
        all.extend_from_slice(arg);
    }
    all
}

fn is_pairwise(core: &str) -> bool {
    !matches!(
        core,
        "null"
            | "notnull"
            | "nil"
            | "notnil"
            | "none"
            | "isnone"
            | "isnotnone"
            | "false"
            | "isfalse"
            | "empty"
            | "notempty"
            | "error"
            | "noerror"
            | "panics"
            | "isnull"
            | "isnotnull"
            | "isempty"
            | "single"
            | "fail"
    )
}

/// Whether an argument says how far off a value may be.
fn is_tolerance(words: &str) -> bool {
    let plain = words.to_lowercase();
    let is_number = super::tokens::number(words).is_some();
    is_number
        || ["delta", "places", "abs", "rel", "epsilon", "tolerance", "precision", "eps", "within"]
            .iter()
            .any(|word| plain.contains(word) && plain.chars().any(|c| c.is_ascii_digit()))
}

/// Whether an operand is a value that is written out.
pub fn is_value(words: &str) -> bool {
    let word =
        words.trim_start_matches(['-', '&', '*', ' ', ':', 'b', 'r', 'u', 'f', '[', '(', '{']);
    word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '"' | '\'' | '`'))
        || matches!(
            words,
            "true" | "false" | "True" | "False" | "None" | "null" | "nil" | "undefined"
        )
        || matches!(words, "[ ]" | "{ }" | "( )")
        // A symbol of Ruby.
        || words.strip_prefix(':').is_some_and(|name| name.starts_with(char::is_alphabetic))
}
