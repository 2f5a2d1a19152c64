//! Whether a reported failure is the expected one: the rules, without counting.
//!
//! A place is the same when the files are the same from the end on and the line is; a test when its
//! names are, whatever the tool puts between their parts. Where the log gives neither, words of the
//! message or the line of the log decide. The invariant: a match by place and test always beats one
//! by words.

use std::collections::HashSet;

use super::answer::Found;
use super::label::Expected;

/// How sure a match is; zero is none.
pub(crate) type Level = u8;

/// Nothing speaks for it.
pub(crate) const NONE: Level = 0;
/// By words alone, or the right line with another code or column.
const WEAK: Level = 2;
/// The same test or the same file.
const GOOD: Level = 3;
/// The same place.
const SURE: Level = 4;

/// A shorter test name may be anything.
const PART_OF_TEST_CHARS_MIN: usize = 5;
/// So many words of a test's name must be the same, when their order is not.
const TEST_WORDS_MIN: usize = 3;
/// How many of them.
const TEST_WORDS_SHARE: f64 = 0.9;
/// The share of the expected message's words that the report must have.
const EXPECTED_WORDS_SHARE: f64 = 0.6;
/// Or the share of the report's words, when it has enough of them.
const FOUND_WORDS_SHARE: f64 = 0.85;
/// Enough of them.
const FOUND_WORDS_MIN: usize = 3;
/// A shorter word says nothing.
const WORD_CHARS_MIN: usize = 3;
/// How far from the expected line of the log a report may stand.
const NEAR_LINES: usize = 2;
/// A report of more lines than this stands near everything.
const NEAR_SPAN_LINES_MAX: usize = 12;
/// What tools put between the parts of a test's name.
const TEST_SEPARATORS: &str = ">›#./\\:()[]\"'`,|»→–—-";

/// How sure it is that `found` is what was expected.
pub(crate) fn level(expected: &Expected, found: &Found) -> Level {
    let level = by_test(expected, found).max(by_place(expected, found));
    if level == NONE { by_words(expected, found) } else { level }
}

fn by_test(expected: &Expected, found: &Found) -> Level {
    match (given(expected.test.as_ref()), given(found.test.as_ref())) {
        (Some(expected), Some(found)) if same_test(expected, found) => GOOD,
        _ => NONE,
    }
}

fn by_place(expected: &Expected, found: &Found) -> Level {
    let (Some(file), Some(found_file)) = (given(expected.file.as_ref()), &found.file) else {
        return NONE;
    };
    if !same_file(file, found_file) {
        return NONE;
    }
    if expected.kind == "format" {
        return GOOD;
    }
    match expected.line {
        Some(line) if found.line == Some(line) => {
            let codes = (given(expected.code.as_ref()), given(found.code.as_ref()));
            let columns = (expected.column, found.column);
            let is_other_code = matches!(codes, (Some(one), Some(other)) if one.to_lowercase() != other.to_lowercase());
            let is_other_column = matches!(columns, (Some(one), Some(other)) if one != other);
            if is_other_code || is_other_column { WEAK } else { SURE }
        }
        None if given(expected.test.as_ref()).is_none() => GOOD,
        _ => NONE,
    }
}

/// Infrastructure, dependencies, configuration: nothing but text to go by, or a place that neither
/// names.
fn by_words(expected: &Expected, found: &Found) -> Level {
    let file = given(expected.file.as_ref());
    let names_both = file.is_some() && given(found.file.as_ref()).is_some();
    if given(expected.test.as_ref()).is_some() || (names_both && expected.line.is_some()) {
        return NONE;
    }
    let told = [&found.message, &found.code, &found.suggestion];
    let told: Vec<&str> = told.into_iter().flatten().map(String::as_str).collect();
    let is_similar = || similar(expected.message.as_deref().unwrap_or(""), &told.join(" "));
    let codes = (given(expected.code.as_ref()), given(found.code.as_ref()));
    let same_code =
        matches!(codes, (Some(one), Some(other)) if one.to_lowercase() == other.to_lowercase());
    let matches = same_code
        || (file.is_none() && (is_near(expected, found) || is_similar()))
        || (file.is_some() && expected.line.is_none() && is_similar());
    if matches { WEAK } else { NONE }
}

fn is_near(expected: &Expected, found: &Found) -> bool {
    let (Some(line), Some((first, last))) = (expected.log_line, found.log_range) else {
        return false;
    };
    (first.saturating_sub(NEAR_LINES)..=last + NEAR_LINES).contains(&line)
        && last.saturating_sub(first) < NEAR_SPAN_LINES_MAX
}

/// The same file, or one is the other from some folder on.
fn same_file(one: &str, other: &str) -> bool {
    let (one, other) = (plain_path(one), plain_path(other));
    !one.is_empty() && !other.is_empty() && (ends_in(&one, &other) || ends_in(&other, &one))
}

fn ends_in(long: &str, short: &str) -> bool {
    long.strip_suffix(short).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// A path without what machines put before it, in one spelling.
pub(crate) fn plain_path(path: &str) -> String {
    let path = path.trim().replace('\\', "/");
    let path = path.strip_prefix("file://").unwrap_or(&path);
    let path = path.strip_prefix("//?/").unwrap_or(path);
    let path = match path.as_bytes() {
        [drive, b':', b'/', ..] if drive.is_ascii_alphabetic() => &path[2..],
        _ => path,
    };
    let path = path.replace("/./", "/");
    let mut path = path.as_str();
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    path.trim_matches('/').to_lowercase()
}

fn same_test(one: &str, other: &str) -> bool {
    let (one, other) = (plain_test(one), plain_test(other));
    if one.is_empty() || other.is_empty() {
        return false;
    }
    let (short, long) =
        if other.chars().count() < one.chars().count() { (other, one) } else { (one, other) };
    if short == long {
        return true;
    }
    if short.chars().count() < PART_OF_TEST_CHARS_MIN {
        return false;
    }
    if format!(" {long} ").contains(&format!(" {short} ")) {
        return true;
    }
    let short: HashSet<&str> = short.split(' ').collect();
    let long: HashSet<&str> = long.split(' ').collect();
    short.len() >= TEST_WORDS_MIN
        && share(short.intersection(&long).count(), short.len()) >= TEST_WORDS_SHARE
}

/// The words of a test's name, one space between them.
fn plain_test(name: &str) -> String {
    let name = without_colours(name, "m").to_lowercase();
    let name = name.replace(|c| TEST_SEPARATORS.contains(c), " ");
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn similar(expected: &str, found: &str) -> bool {
    let (expected, found) = (expected.to_lowercase(), found.to_lowercase());
    let (expected, found) = (words(&expected), words(&found));
    let both = expected.intersection(&found).count();
    both >= 1
        && (share(both, expected.len()) >= EXPECTED_WORDS_SHARE
            || (found.len() >= FOUND_WORDS_MIN && share(both, found.len()) >= FOUND_WORDS_SHARE))
}

fn words(text: &str) -> HashSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.len() >= WORD_CHARS_MIN)
        .collect()
}

/// A text without the colour sequences that end in one of these letters.
pub(crate) fn without_colours(text: &str, ends: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let letters = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = letters.strip_prefix(|c| ends.contains(c)).unwrap_or_else(|| {
            plain.push_str("\u{1b}[");
            after
        });
    }
    plain.push_str(rest);
    plain
}

/// A part of a whole; counts are small.
pub(crate) fn share(part: usize, whole: usize) -> f64 {
    let exact = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    exact(part) / exact(whole)
}

/// A field that says something.
fn given(field: Option<&String>) -> Option<&str> {
    field.map(String::as_str).filter(|field| !field.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_the_same_from_the_end_on() {
        let same = [
            ("src/a.rs", "/home/runner/shop/src/a.rs"),
            ("./src/a.rs", "src/./a.rs"),
            ("SRC\\A.rs", "C:/src/a.rs"),
            ("file:///src/a.rs", "src/a.rs"),
        ];
        let other = [("src/a.rs", "src/aa.rs"), ("a.rs", "ba.rs"), ("", "a.rs")];
        let is_same = |(one, other): &(&str, &str)| same_file(one, other);
        assert!(same.iter().all(is_same), "{same:?}");
        assert!(!other.iter().any(is_same), "{other:?}");
    }

    #[test]
    fn tests_are_the_same_whatever_stands_between_their_parts() {
        let same = [
            ("cart::adds_up", "Cart › adds_up"),
            ("tests/cart.py::test_sum", "test_sum"),
            ("Cart adds two items up", "adds items Cart two up (12 ms)"),
            ("\u{1b}[31msum works\u{1b}[0m", "Sum works"),
        ];
        let other = [("sum", "a sum"), ("test_a", "test_b"), ("", "a")];
        let is_same = |(one, other): &(&str, &str)| same_test(one, other);
        assert!(same.iter().all(is_same), "{same:?}");
        assert!(!other.iter().any(is_same), "{other:?}");
    }

    #[test]
    fn the_surer_match_has_the_higher_level() {
        let place =
            Expected { line: Some(3), column: Some(1), code: Some("E1".into()), ..in_file() };
        let found =
            Found { line: Some(3), column: Some(1), code: Some("e1".into()), ..found_in_file() };
        assert_eq!(level(&place, &found), SURE);
        assert_eq!(level(&place, &Found { column: Some(2), ..found.clone() }), WEAK);
        assert_eq!(level(&place, &Found { code: Some("E2".into()), ..found.clone() }), WEAK);
        assert_eq!(level(&place, &Found { line: Some(4), ..found.clone() }), NONE);
        assert_eq!(level(&in_file(), &found), GOOD);
        assert_eq!(level(&Expected { test: Some("a test".into()), ..in_file() }, &found), NONE);
        let format = Expected { kind: "format".into(), line: Some(9), ..in_file() };
        assert_eq!(level(&format, &found), GOOD);
    }

    #[test]
    fn without_a_place_words_or_the_line_of_the_log_decide() {
        let expected = Expected {
            message: Some("could not resolve host: example.com".into()),
            log_line: Some(40),
            ..Expected::default()
        };
        let found = |message: &str, first, last| Found {
            message: Some(message.into()),
            log_range: Some((first, last)),
            ..Found::default()
        };
        assert_eq!(level(&expected, &found("Could not resolve host", 1, 1)), WEAK);
        assert_eq!(level(&expected, &found("exit code 6", 41, 42)), WEAK);
        assert_eq!(level(&expected, &found("exit code 6", 43, 44)), NONE);
        assert_eq!(level(&expected, &found("exit code 6", 30, 42)), NONE, "near everything");
    }

    #[test]
    fn colours_go_and_brackets_stay() {
        assert_eq!(without_colours("a\u{1b}[1;31mb\u{1b}[0m[c]", "m"), "ab[c]");
        assert_eq!(without_colours("a\u{1b}[2Kb\u{1b}[", "m"), "a\u{1b}[2Kb\u{1b}[");
    }

    fn in_file() -> Expected {
        Expected { kind: "lint".into(), file: Some("src/a.rs".into()), ..Expected::default() }
    }

    fn found_in_file() -> Found {
        Found { kind: "lint".into(), file: Some("/w/src/a.rs".into()), ..Found::default() }
    }
}
