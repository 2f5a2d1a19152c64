//! Words that code does not say.

use super::source::{Source, is_word, words};

/// Modules that are values in, values out.
const PURE: &[&str] = &["domain", "evidence", "report"];
/// Words that wait, look at a clock or touch the world.
const IMPURE_WORDS: &[&str] =
    &["async", "await", "tokio", "SystemTime", "Instant", "anyhow", "File", "reqwest", "sqlx"];
/// Paths of the standard library that touch the world.
const IMPURE_PATHS: &[&str] =
    &["std::env", "std::fs", "std::io", "std::net", "std::process", "std::thread"];
/// Beginnings of function names that say nothing.
const EMPTY_VERBS: &[&str] = &["handle_", "process_", "do_", "util", "helper", "manage_"];
/// Parts of module and type names that say nothing.
const EMPTY_NOUNS: &[&str] = &["util", "utils", "helper", "helpers", "manager", "misc", "common"];
/// Marks of something left to do.
const LOOSE_ENDS: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// Waiting, clocks and the outside world in modules that must be pure.
pub(crate) fn impurities(sources: &[Source]) -> Vec<String> {
    let pure = sources.iter().filter(|source| {
        let path = source.path.strip_prefix("src/").unwrap_or(&source.path);
        PURE.iter()
            .any(|module| path.starts_with(&format!("{module}/")) || path == format!("{module}.rs"))
    });
    each_production_line(pure, |line| {
        let word = words(line).find(|word| IMPURE_WORDS.contains(word));
        let path = IMPURE_PATHS.iter().copied().find(|path| line.contains(path));
        word.or(path).map(|what| format!("`{what}` in a pure module"))
    })
}

/// `unwrap()` and its kin outside tests.
pub(crate) fn unwraps(sources: &[Source]) -> Vec<String> {
    each_production_line(sources.iter(), |line| {
        [".unwrap()", ".unwrap_err()"]
            .into_iter()
            .find(|call| line.contains(call))
            .map(|call| format!("`{call}`: answer the error, or `expect(\"invariant: …\")`"))
    })
}

/// `#[allow(…)]`, which stays when its cause is gone.
pub(crate) fn allowed_lints(sources: &[Source]) -> Vec<String> {
    each_line(sources, |line| {
        let allows = line.contains("#[allow(") || line.contains("#![allow(");
        allows.then(|| "`#[expect(lint, reason = \"…\")]` instead of `allow`".to_owned())
    })
}

/// Names that say nothing about what a thing yields or causes.
pub(crate) fn empty_names(sources: &[Source]) -> Vec<String> {
    let named = each_line(sources, |line| {
        declared(line).find_map(|(keyword, name)| {
            let empty = match keyword {
                "fn" => EMPTY_VERBS.iter().any(|verb| name.starts_with(verb)),
                _ => {
                    EMPTY_NOUNS.iter().any(|noun| snake(name).split('_').any(|part| part == *noun))
                }
            };
            empty.then(|| format!("`{keyword} {name}` says nothing: name what it yields or causes"))
        })
    });
    let files = sources.iter().filter_map(|source| {
        let stem = source.path.rsplit('/').next()?.strip_suffix(".rs")?;
        let empty = EMPTY_NOUNS.contains(&stem);
        empty.then(|| source.finding(1, &format!("a module called `{stem}` has no subject")))
    });
    named.into_iter().chain(files).collect()
}

/// Marks of something left to do that name no issue.
pub(crate) fn loose_ends(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        for (at, line) in source.comments.lines().enumerate() {
            let Some(mark) = words(line).find(|word| LOOSE_ENDS.contains(word)) else { continue };
            let after = line.split_once(mark).map_or("", |(_, after)| after);
            if !names_an_issue(after) {
                findings.push(
                    source.finding(at + 1, &format!("`{mark}` needs its issue: `{mark}(#n)`")),
                );
            }
        }
    }
    findings
}

/// Tests that sleep, and tests that are switched off.
pub(crate) fn lazy_tests(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        for (line, code) in source.tests() {
            if code.contains("#[ignore") {
                findings.push(source.finding(line, "a test that does not run tests nothing"));
            }
            if code.contains("sleep(") {
                findings.push(source.finding(line, "a test waits for the thing, not for time"));
            }
        }
    }
    findings
}

fn names_an_issue(after: &str) -> bool {
    let number = after.strip_prefix("(#").and_then(|rest| rest.split_once(')')).map(|(n, _)| n);
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The names that a line declares, each with its keyword.
fn declared(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let names = ["fn", "mod", "struct", "enum", "trait"];
    names.into_iter().filter_map(move |keyword| {
        let at = line.match_indices(keyword).map(|(at, _)| at).find(|at| {
            let before = line[..*at].chars().next_back();
            let after = line[at + keyword.len()..].chars().next();
            !before.is_some_and(is_word) && after == Some(' ')
        })?;
        let name = words(&line[at + keyword.len()..]).next()?;
        Some((keyword, name))
    })
}

/// `LeaseManager` as `lease_manager`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

fn each_line(sources: &[Source], rule: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        for (at, line) in source.code.lines().enumerate() {
            findings.extend(rule(line).map(|what| source.finding(at + 1, &what)));
        }
    }
    findings
}

fn each_production_line<'a>(
    sources: impl Iterator<Item = &'a Source>,
    rule: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        for (line, code) in source.production() {
            findings.extend(rule(code).map(|what| source.finding(line, &what)));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_or_looks_outside_is_impure() {
        check(impurities, "src/domain/a.rs", "async fn f() {}", 1);
        check(impurities, "src/domain.rs", "use std::time::SystemTime;", 1);
        check(impurities, "src/report/a.rs", "use std::fs;", 1);
        check(impurities, "src/evidence/a.rs", "fn f() -> anyhow::Result<()> {}", 1);
        check(impurities, "src/domain/a.rs", "// async\nlet s = \"tokio\";", 0);
        check(impurities, "src/domains/a.rs", "async fn f() {}", 0);
        check(impurities, "src/service/a.rs", "async fn f() {}", 0);
    }

    #[test]
    fn an_unwrap_is_found_outside_tests_only() {
        check(unwraps, "src/a.rs", "x.unwrap();", 1);
        check(unwraps, "src/a.rs", "x.unwrap_err();", 1);
        check(unwraps, "src/a.rs", "x.unwrap_or(1);", 0);
        check(unwraps, "src/a.rs", "// x.unwrap()", 0);
        check(unwraps, "src/a.rs", "#[cfg(test)]\nmod tests {\n x.unwrap();\n}", 0);
        check(unwraps, "src/a/tests.rs", "x.unwrap();", 0);
    }

    #[test]
    fn an_allowed_lint_is_found() {
        check(allowed_lints, "src/a.rs", "#[allow(dead_code)]", 1);
        check(allowed_lints, "src/a.rs", "#![allow(dead_code)]", 1);
        check(allowed_lints, "src/a.rs", "#[expect(dead_code, reason = \"r\")]", 0);
    }

    #[test]
    fn a_name_that_says_nothing_is_found() {
        check(empty_names, "src/a.rs", "pub(crate) async fn handle_push() {}", 1);
        check(empty_names, "src/a.rs", "fn process_delivery() {}", 1);
        check(empty_names, "src/a.rs", "mod utils;", 1);
        check(empty_names, "src/a.rs", "pub struct LeaseManager;", 1);
        check(empty_names, "src/store/helpers.rs", "", 1);
        check(empty_names, "src/a.rs", "fn processed() {} struct Handled; mod manageress;", 0);
        check(empty_names, "src/a.rs", "fn handler() {}", 0);
    }

    #[test]
    fn a_loose_end_without_an_issue_is_found() {
        check(loose_ends, "src/a.rs", "// TODO: later", 1);
        check(loose_ends, "src/a.rs", "/* FIXME(me) */", 1);
        check(loose_ends, "src/a.rs", "// TODO(#12): when it is there", 0);
        check(loose_ends, "src/a.rs", "let s = \"TODO\";", 0);
    }

    #[test]
    fn a_test_that_sleeps_or_is_switched_off_is_found() {
        check(lazy_tests, "tests/it/a.rs", "#[ignore]", 1);
        check(lazy_tests, "tests/it/a.rs", "#[ignore = \"slow\"]", 1);
        check(lazy_tests, "tests/it/a.rs", "tokio::time::sleep(d).await;", 1);
        check(lazy_tests, "src/a.rs", "sleep(d).await;", 0);
        check(lazy_tests, "src/a.rs", "#[cfg(test)]\nmod tests {\n sleep(d);\n}", 1);
    }

    #[track_caller]
    fn check(rule: fn(&[Source]) -> Vec<String>, path: &str, text: &str, expected: usize) {
        let found = rule(&[Source::read(path, text)]);
        assert_eq!(found.len(), expected, "{found:?}");
    }
}
