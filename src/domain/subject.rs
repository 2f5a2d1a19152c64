//! Subjects: what a file is about, by its name, so that a test and what it tests are found together.
//!
//! A convention of names, no more: two files about the same may have nothing to do with each other, so
//! whoever asks may only become more careful by the answer.

use super::failure::Failure;
use super::ids::RepoPath;

/// The fewest letters of a subject by which a test's name can tell of it.
const SUBJECT_BYTES_MIN: usize = 4;

/// What a file is about: `cart` for `app/cart.py`, `tests/test_cart.py` and `src/CartTest.java`.
pub fn subject(path: &RepoPath) -> String {
    let name = path.as_str().rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let stem = name.split_once('.').map_or(name.as_str(), |(stem, _)| stem);
    let words = stem.split(['_', '-']).filter(|word| !matches!(*word, "test" | "tests" | "spec"));
    let stem: String = words.collect();
    let stem = stem.strip_suffix("tests").or_else(|| stem.strip_suffix("test")).unwrap_or(&stem);
    stem.strip_suffix("spec").unwrap_or(stem).to_owned()
}

/// Whether the name of a failed test tells that it is about that file.
pub fn is_named_by(failure: &Failure, path: &RepoPath) -> bool {
    let subject = subject(path);
    let Some(test) = failure.test.as_ref().filter(|_| subject.len() >= SUBJECT_BYTES_MIN) else {
        return false;
    };
    let letters = |text: &str| -> String {
        text.to_ascii_lowercase().chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect()
    };
    letters(test).contains(&subject)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::FailureKind;

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).unwrap()
    }

    #[test]
    fn a_test_and_what_it_tests_are_about_the_same() {
        for (one, other) in [
            ("tests/test_cart.py", "app/cart.py"),
            ("src/cart.test.ts", "lib/cart.ts"),
            ("cart_test.go", "shop/cart.go"),
            ("spec/models/cart_spec.rb", "app/models/cart.rb"),
            ("src/test/java/shop/CartTest.java", "src/main/java/shop/Cart.java"),
            ("Shop.Tests/CartTests.cs", "Shop/Cart.cs"),
        ] {
            assert_eq!(subject(&path(one)), subject(&path(other)), "{one} {other}");
        }
        assert_ne!(subject(&path("tests/test_cart.py")), subject(&path("app/prices.py")));
    }

    #[test]
    fn a_test_names_what_it_is_about() {
        let check = |test: &str, file: &str, expected: bool| {
            let mut failure = Failure::new(FailureKind::TestFailure, "it broke");
            failure.test = Some(test.to_owned());
            assert_eq!(is_named_by(&failure, &path(file)), expected, "{test} {file}");
        };
        check("queue::drains", "tests/queue.rs", true);
        check("TestLineItem", "shop/line_item.go", true);
        check("clock::ticks", "src/lib.rs", false);
        check("drains", "tests/queue.rs", false);
        let mut unnamed = Failure::new(FailureKind::Lint, "unused");
        unnamed.file = Some(path("src/queue.rs"));
        assert!(!is_named_by(&unnamed, &path("tests/queue.rs")));
    }
}
