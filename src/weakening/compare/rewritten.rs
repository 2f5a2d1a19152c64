//! What is the same said otherwise, and what is less said in many words.
//!
//! Not a judgement by itself: the comparison of assertions asks these questions where two of them
//! belong together and are not written alike.

use super::asserted::words_of;
use crate::weakening::assertions::is_value;
use crate::weakening::model::{Assertion, Unit};
use crate::weakening::tokens::number;

/// Words that any value fits, in libraries for doubles and for snapshots.
const WILDCARDS: &[&str] = &[
    "any",
    "anything",
    "ANY",
    "IsAny",
    "anyString",
    "anyInt",
    "anyLong",
    "anyObject",
    "anyList",
    "anyMap",
    "anyCollection",
    "any_args",
];

fn parts(assertion: &Assertion) -> impl Iterator<Item = &str> {
    assertion.expected.iter().chain([&assertion.subject]).flat_map(|text| text.split(' '))
}

/// Whether more of what is expected may be anything, and something that was named no longer is.
pub fn lets_any(was: &Assertion, is: &Assertion) -> bool {
    let count = |assertion: &Assertion| {
        let is_pattern = assertion.subject.starts_with("matches !");
        let fits_all = |word: &&str| WILDCARDS.contains(word) || is_pattern && *word == "_";
        parts(assertion).filter(fits_all).count()
    };
    let is_name = |word: &&str| word.chars().any(char::is_alphanumeric);
    count(is) > count(was)
        && parts(was).filter(is_name).any(|word| !parts(is).any(|other| other == word))
}

/// Words that leave parts of what is compared out, or let it be in another order.
const LEAVING_OUT: &[&str] = &[
    "Excluding",
    "ExcludingMissingMembers",
    "ExcludingProperties",
    "ExcludingFields",
    "WithoutStrictOrdering",
    "ignoringFields",
    "ignoringFieldsMatchingRegexes",
    "ignoringFieldsOfTypes",
    "ignoringActualNullFields",
    "ignoringExpectedNullFields",
    "ignoringCollectionOrder",
    "comparingOnlyFields",
    "AtMost",
    "AtLeast",
    "AtMostOnce",
    "AtLeastOnce",
    "atLeast",
    "atMost",
    "at_most",
    "by_at_most",
    "by_at_least",
    "at_least",
    "IgnoreFields",
    "IgnoreUnexported",
    "SortSlices",
    "EquateEmpty",
    "EquateApprox",
];

/// Whether more is left out of what is compared.
pub fn leaves_out(was: &Assertion, is: &Assertion) -> bool {
    let count =
        |assertion: &Assertion| parts(assertion).filter(|word| LEAVING_OUT.contains(word)).count();
    count(is) > count(was)
}

/// Steps after which things are equal that were not: text without its edges or its case, numbers
/// without their fractions.
const EVENING_OUT: &[&str] = &[
    "strip",
    "trim",
    "Trim",
    "TrimSpace",
    "lower",
    "upper",
    "downcase",
    "upcase",
    "casefold",
    "toLowerCase",
    "toUpperCase",
    "ToLower",
    "ToUpper",
    "ToLowerInvariant",
    "to_lowercase",
    "to_uppercase",
    "round",
    "floor",
    "ceil",
    "abs",
    "Round",
    "Abs",
    "Floor",
];

/// Steps after which things stand in another order.
const SORTING: &[&str] =
    &["sort", "sorted", "toSorted", "sort_by", "sortBy", "Sort", "OrderBy", "order", "reverse"];

/// Whether what is compared is made more alike first, or put in order where another was expected.
pub fn is_evened_out(was: &Assertion, is: &Assertion) -> bool {
    let count = |assertion: &Assertion, steps: &[&str]| {
        assertion.subject.split(' ').filter(|word| steps.contains(word)).count()
    };
    let is_more = |steps: &[&str]| count(is, steps) > count(was, steps);
    is_more(EVENING_OUT) && was.expected == is.expected
        || is_more(SORTING) && was.expected != is.expected
}

/// Whether a number with a point is compared as such numbers are: as near as they are exact.
pub fn is_as_near(was: &Assertion, is: &Assertion) -> bool {
    let ([exact], [near]) = (was.expected.as_slice(), is.expected.as_slice()) else {
        return false;
    };
    let about = near.split_once("approx ( ").and_then(|(_, rest)| rest.strip_suffix(" )"));
    let is_same = about.map_or(is.verb == "assertalmostequal" && exact == near, |it| it == exact);
    is_same && was.subject == is.subject && exact.contains('.') && number(exact).is_some()
}

/// Numbers of HTTP and their names, without layout.
const STATUSES: &[(&str, &str)] = &[
    ("200", "ok"),
    ("201", "created"),
    ("202", "accepted"),
    ("204", "nocontent"),
    ("301", "movedpermanently"),
    ("302", "found"),
    ("304", "notmodified"),
    ("400", "badrequest"),
    ("401", "unauthorized"),
    ("403", "forbidden"),
    ("404", "notfound"),
    ("405", "methodnotallowed"),
    ("409", "conflict"),
    ("422", "unprocessableentity"),
    ("422", "unprocessablecontent"),
    ("429", "toomanyrequests"),
    ("500", "internalservererror"),
    ("502", "badgateway"),
    ("503", "serviceunavailable"),
];

/// Whether a number is expected by its name now: `201` and `:created`.
pub fn names_status(value: &str, is: &Assertion) -> bool {
    let mut names = is.expected.iter().map(|text| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).flat_map(char::to_lowercase).collect()
    });
    let code_of = |name: &String| {
        let fits = STATUSES.iter().filter(|(_, status)| name.ends_with(status));
        fits.max_by_key(|(_, status)| status.len()).map(|(code, _)| *code)
    };
    names.any(|name| code_of(&name) == Some(value))
}

/// Whether a number is written in another notation now: `0644` and `0o644`, which are the same
/// where a nought before a number says that it counts in eights.
pub fn is_notation(value: &str, after: &[String], path: &str) -> bool {
    const LANGUAGES: &[&str] = &[".go", ".rb", ".js", ".py", ".java"];
    let digits = value.strip_prefix('0').filter(|rest| rest.len() > 1);
    let is_octal = digits.is_some_and(|it| it.chars().all(|c| matches!(c, '0'..='7')));
    is_octal
        && LANGUAGES.iter().any(|end| path.ends_with(end))
        && digits.is_some_and(|it| after.iter().any(|now| now.strip_prefix("0o") == Some(it)))
}

/// Whether an error is known by what it is now, and was by its text: `errors.Is(err, ErrMissing)`.
pub fn is_by_kind(was: &Assertion, is: &Assertion) -> bool {
    let is_text = was.subject.contains(". Error ( )")
        || was.expected.iter().any(|it| it.contains(". Error ( )"));
    let condition = is.subject.strip_prefix("! ").unwrap_or(&is.subject);
    let inside = ["errors . Is ( ", "errors . As ( "]
        .iter()
        .find_map(|start| condition.strip_prefix(start))
        .and_then(|rest| rest.split_once(" )"))
        .and_then(|(inside, _)| inside.split_once(" , "));
    is_text && inside.is_some_and(|(error, kind)| kind != error && kind != "nil")
}

/// Words for the time that it is, in texts that are put together.
const NOW: &[&str] = &["today", "now", "Today", "Now", "UtcNow", "current", "utcnow"];

/// Whether a text that had the time of its making in it has a fixed one now, and is the same
/// otherwise: `"Report #{Date.today}"` and `"Report 2024-02-29"`.
pub fn is_fixed_time(value: &str, after: &[String]) -> bool {
    let opening = ["#{", "${", "{"].iter().find_map(|open| value.split_once(open));
    let Some((start, rest)) = opening else { return false };
    let Some((inside, end)) = rest.rsplit_once('}') else { return false };
    let start = start.trim_start_matches(['f', '$', '`', '"', '\'']);
    let end = end.trim_end_matches(['`', '"', '\'']);
    let mut words = inside.split(|c: char| !c.is_alphanumeric());
    let is_time = words.any(|word| NOW.contains(&word)) && !inside.contains(['{', '}']);
    let fits = |now: &String| {
        let now = now.trim_matches(['`', '"', '\'']);
        let middle = now.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        middle.is_some_and(|middle| middle.starts_with(|c: char| c.is_ascii_digit()))
    };
    is_time && after.iter().any(fits)
}

/// Whether a text is part of a longer one that is expected now: `"ada"` of `"ada: Welcome"`.
pub fn is_within(value: &str, after: &[String]) -> bool {
    const TEXT_BYTES_MIN: usize = 3;
    let Some(inside) = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return false;
    };
    inside.len() >= TEXT_BYTES_MIN && after.iter().any(|longer| longer.contains(inside))
}

/// Whether a text is what a pattern asks for that is expected now: `/^Name is missing$/`.
pub fn is_in_pattern(value: &str, is: &Assertion) -> bool {
    let Some(inside) = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return false;
    };
    let text = |pattern: &String| -> Option<String> {
        let body = pattern.trim_start_matches(['r', ' ']).trim_matches('"');
        let body =
            body.strip_prefix('/').map_or(body, |body| body.trim_end_matches(['/', 'i', 'u']));
        Some(body.strip_prefix('^')?.strip_suffix('$')?.replace('\\', ""))
    };
    is.expected.iter().filter_map(text).any(|text| text == inside)
}

/// Whether a text only says where to look for what is compared, and the test looks in another way
/// now: `title.find("h1")` and `screen.getByRole("heading")`. What is expected stays.
pub fn is_looked_up(value: &str, was: &Assertion, is: &Assertion) -> bool {
    let way = |assertion: &Assertion| -> String {
        assertion.subject.split(" (").next().unwrap_or_default().to_owned()
    };
    value.starts_with('"')
        && (was.expected == is.expected || was.expected.iter().all(|it| is_in_pattern(it, is)))
        && was.expected.iter().any(|part| is_value(part) && part != value)
        && way(was) != way(is)
}

/// Whether two tests expect the very same, and have something else in common as well.
pub fn expect_the_same(old: &Unit, new: &Unit) -> bool {
    let expected = |unit: &Unit| -> Vec<String> {
        let texts = unit.assertions.iter();
        let mut texts: Vec<String> = texts
            .map(|assertion| format!("{} {}", assertion.verb, assertion.expected.join(" ")))
            .collect();
        texts.sort();
        texts
    };
    let is_long = |text: &String| words_of(text).any(|word| is_value(word) && word.len() > 3);
    let wanted = expected(old);
    let is_expected = |value: &String| wanted.iter().any(|text| text.contains(value.as_str()));
    let mut others = old.values.iter().filter(|value| value.len() > 3 && !is_expected(value));
    wanted.iter().any(is_long)
        && wanted == expected(new)
        && others.any(|value| new.values.contains(value))
}

/// What an assertion says, as a key.
pub fn key(assertion: &Assertion) -> String {
    format!("{}\n{}\n{}", assertion.verb, assertion.subject, assertion.expected.join("\n"))
}

/// Whether a test is made of what another says and does.
pub fn is_piece_of(piece: &Unit, whole: &Unit) -> bool {
    piece.values.iter().all(|value| whole.values.contains(value))
        && piece.calls.iter().all(|call| whole.calls.contains(call))
}

/// Whether an assertion only says that there was no error.
pub fn is_guard(assertion: &Assertion) -> bool {
    let subject = assertion.subject.to_lowercase();
    let is_nothing = |part: &String| matches!(part.as_str(), "nil" | "null" | "undefined");
    let by_verb = ["null", "nil", "iferror", "noerror", "falsy", "undefined"]
        .iter()
        .any(|word| assertion.verb.contains(word));
    matches!(subject.as_str(), "err" | "error" | "e")
        && !assertion.verb.contains("not")
        && (by_verb && assertion.expected.is_empty() || assertion.expected.iter().any(is_nothing))
}

/// Calls that leave out some of what a loop goes over.
const NARROWING: &[&str] = &[
    ".take(",
    ".Take(",
    ".skip(",
    ".Skip(",
    ".step_by(",
    ".slice(",
    ".subList(",
    ".filter(",
    ".Where(",
    ".limit(",
    ".first(",
    "[",
    ".nth(",
];

/// Whether a loop goes over less of the same.
pub fn is_narrowed(was: &str, is: &str) -> bool {
    let was = was.trim_end_matches([' ', '{', ':', ')']);
    is.strip_prefix(was)
        .is_some_and(|rest| NARROWING.iter().any(|narrowing| rest.contains(narrowing)))
}
