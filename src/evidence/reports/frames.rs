//! Places in a test's own words: the frame of a stack trace that is the repository's.
//!
//! Reports of tests seldom say where; their texts do, in the form of the language. The first frame
//! in a file of the repository counts; in Python, whose traces end with the innermost call, the
//! last. The invariant: a place in a file of a library or a toolchain is never given.

use std::sync::LazyLock;

use regex::Regex;

use crate::evidence::draft::Draft;
use crate::evidence::paths::{self, Roots};
use crate::evidence::text::floor;

/// How many lines of a text are searched.
const LINES_MAX: usize = 2_000;

/// The longest line searched; frames are shorter.
const LINE_BYTES_MAX: usize = 1_000;

/// A place as printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::evidence) struct Place {
    pub(super) path: String,
    pub(super) line: Option<u32>,
    pub(super) column: Option<u32>,
}

impl Place {
    /// Gives the place to a draft.
    pub(in crate::evidence) fn put(&self, draft: &mut Draft) {
        draft.place(&self.path, self.line, self.column);
    }
}

/// The three ways in which languages print a frame, the most certain first.
static FRAMES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let extensions = concat!(
        "rs|py|pyi|[cm]?[jt]sx?|vue|svelte|go|rb|php|phpt|java|kts?|scala|groovy|cs|fs|vb|cc?|cpp",
        "|cxx|hh?|hpp|mm?|swift|dart|exs?|erl|hs|mli?|clj[cs]?|lua|p[lm]|t|sh|bats|feature|r|R|jl",
        "|nim|zig|elm",
    );
    let general = format!(
        r#"(?P<file>(?:file://)?(?:[A-Za-z]:[\\/])?[^\s:"'`()<>\[\]|,=]+\.(?:{extensions})):"#
    );
    [
        r#"File "(?P<file>[^"]+)", line (?P<line>[0-9]{1,9})"#.to_owned(),
        r"\bin (?P<file>(?:[A-Za-z]:)?[^:]+):line (?P<line>[0-9]{1,9})".to_owned(),
        general + r"(?P<line>[0-9]{1,9})(?::(?P<column>[0-9]{1,9}))?",
    ]
    .iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// The place that a failed test's text names.
///
/// `class` is the test's class, where the language has one: frames of the JVM name files without
/// their directories, and only those of that class are surely the repository's.
pub(in crate::evidence) fn place_in(
    text: &str,
    class: Option<&str>,
    roots: &[String],
) -> Option<Place> {
    let mut last_python = None;
    for line in text.lines().take(LINES_MAX) {
        let Some(place) = place_of(floor(line, LINE_BYTES_MAX), class, roots) else { continue };
        if !place.path.ends_with(".py") {
            return last_python.or(Some(place));
        }
        last_python = Some(place);
    }
    last_python
}

fn place_of(line: &str, class: Option<&str>, roots: &[String]) -> Option<Place> {
    let is_url = line.contains("://") && !line.contains("file://") && !line.contains("webpack://");
    if is_url {
        return None;
    }
    let captures = FRAMES.iter().find_map(|regex| regex.captures(line))?;
    let number = |name: &str| captures.name(name)?.as_str().parse().ok().filter(|n: &u32| *n > 0);
    let path = captures.name("file")?.as_str();
    let is_jvm = [".java", ".kt", ".scala", ".groovy"].iter().any(|end| path.ends_with(end));
    if is_jvm && !path.contains(['/', '\\']) {
        let stem = path.split('.').next().unwrap_or(path);
        if class.is_none_or(|class| simple_name(class) != stem) {
            return None;
        }
    }
    if path.starts_with("internal/") || path.contains("node:") {
        return None;
    }
    let roots = Roots { given: roots, learned: &[] };
    paths::relative(path, &roots)?;
    Some(Place { path: path.to_owned(), line: number("line"), column: number("column") })
}

/// `CartTest` of `shop.CartTest$Nested`.
fn simple_name(class: &str) -> &str {
    let last = class.rsplit('.').next().unwrap_or(class);
    last.split(['$', '+', '(', '[', ' ']).next().unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, class: Option<&str>, expected: Option<(&str, u32)>) {
        let place = place_in(text, class, &[]);
        let got = place.as_ref().map(|place| (place.path.as_str(), place.line.unwrap_or(0)));
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn frames_of_every_language_are_places() {
        check("    at add (src/cart.test.ts:12:5)", None, Some(("src/cart.test.ts", 12)));
        check("   at Shop.T.A() in C:\\a\\shop\\shop\\T.cs:line 9", None, {
            Some(("C:\\a\\shop\\shop\\T.cs", 9))
        });
        check("File \"a/t.py\", line 3, in x\nFile \"a/b.py\", line 4, in y", None, {
            Some(("a/b.py", 4))
        });
        check("tests/a.py:3: in x\nsrc/b.py:7: ValueError", None, Some(("src/b.py", 7)));
        check("thread 'x' panicked at src/a.rs:9:5:", None, Some(("src/a.rs", 9)));
        check("tests/FooTest.php:15", None, Some(("tests/FooTest.php", 15)));
        let jvm = "at org.junit.Assert.fail(Assert.java:8)\nat shop.CartTest.a(CartTest.java:12)";
        check(jvm, Some("shop.CartTest$In"), Some(("CartTest.java", 12)));
        check(jvm, None, None);
    }

    #[test]
    fn places_of_others_are_none() {
        check("at x (/app/node_modules/jest/index.js:1:2)", None, None);
        check("GET http://localhost:3000/a.js:1:2", None, None);
        check("connect example.com:443", None, None);
        check("at internal/modules/cjs/loader.js:1:1", None, None);
        check("", None, None);
    }
}
