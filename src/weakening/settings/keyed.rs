//! Settings by their keys: levels of checks that fell, lists of what is not checked that grew.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::{DISABLED, EXCLUDED, code};
use crate::domain::gate::Finding;
use crate::weakening::text::{OfFile, Others};
use crate::weakening::{Change, Side, finding, patterns, shown};

static KEY: LazyLock<Regex> = LazyLock::new(|| patterns::joined("key"));
static OPENS: LazyLock<Regex> = LazyLock::new(|| patterns::joined("opens"));

/// The keys that a line stands under, the nearest first: the line's own, then those of lines above
/// that are less indented or open a list.
fn keys<'a>(lines: &[&'a str], number: u32) -> Vec<&'a str> {
    const ABOVE_LINES_MAX: usize = 60;
    let until = lines.get(..number as usize).unwrap_or_default();
    let Some((own, above)) = until.split_last() else { return Vec::new() };
    let key_of = |line: &'a str| -> Option<&'a str> {
        let found = KEY.captures(line)?;
        found.get(1).or_else(|| found.get(3)).map(|key| key.as_str())
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut keys: Vec<&str> = key_of(own).into_iter().collect();
    let mut level = indent(own);
    for line in above.iter().rev().take(ABOVE_LINES_MAX) {
        let is_section = line.trim_start().starts_with('[')
            && line.trim_end().ends_with(']')
            && !line.contains(',');
        let is_outer = indent(line) < level && !line.trim().is_empty();
        if is_outer || is_section {
            let opened = OPENS.captures(line);
            let key = opened
                .and_then(|found| found.get(1).or_else(|| found.get(2)).or_else(|| found.get(3)));
            keys.extend(key.map(|key| key.as_str()));
            level = level.min(indent(line));
        }
        if is_section {
            break;
        }
    }
    keys
}

/// Keys whose lists say what is not checked, and keys whose lists say which tests are left out.
const IGNORE_KEYS: &[&str] = &[
    "ignore",
    "extend-ignore",
    "per-file-ignores",
    "extend-per-file-ignores",
    "disable",
    "disable_error_code",
    "disabled",
    "ignorePatterns",
    "ignores",
    "allow",
    "nowarn",
    "skips",
    "exclude-rules",
    "disabled_rules",
    "ignore-patterns",
    "ignore_patterns",
    "skip",
    "suppress",
    "suppressions",
];
const EXCLUDE_KEYS: &[&str] = &[
    "exclude",
    "excludes",
    "testPathIgnorePatterns",
    "coveragePathIgnorePatterns",
    "omit",
    "testIgnore",
    "norecursedirs",
    "exclude_also",
    "exclude_lines",
    "excludeSpecPattern",
    "watchPathIgnorePatterns",
    "sonar.exclusions",
    "testExclude",
    "excludedGroups",
];

static RULES: LazyLock<Regex> = LazyLock::new(|| patterns::joined("rules"));
static INLINE: LazyLock<Regex> = LazyLock::new(|| patterns::joined("inline"));
static LEVEL: LazyLock<Regex> = LazyLock::new(|| patterns::joined("level"));

fn level(word: &str) -> u8 {
    match word {
        "off" | "allow" | "none" | "0" => 0,
        "info" => 1,
        "warn" | "warning" | "1" => 2,
        _ => 3,
    }
}

/// Parts of the names of files that hold levels of checks.
const LINTS: &[&str] = &[
    "eslint",
    "biome",
    "oxlint",
    "stylelint",
    "tslint",
    "lint",
    "clippy",
    "ruff",
    "golangci",
    "editorconfig",
    "detekt",
    "phpstan",
    "rubocop",
];

/// Files that hold such levels among other things.
const MIXED: &[&str] = &["cargo.toml", "package.json", "pyproject.toml", "deny.toml"];

/// Levels of rules that fell, and lists of what is not checked that grew.
pub fn look(
    change: &Change<'_>,
    (lines, others): (&OfFile<'_>, &Others<'_>),
    found: &mut Vec<Finding>,
) {
    let lower = change.path.as_str().to_lowercase();
    let is_lint = LINTS.iter().any(|name| lower.contains(name));
    let is_mixed = MIXED.iter().any(|name| lower.ends_with(name));
    if !is_lint && !is_mixed && !is_tool(&lower) {
        return;
    }
    shrunk(change, (lines, others), found);
    let text: Vec<&str> = change.new.text().lines().collect();
    for (number, line) in &lines.added {
        let written = code(line);
        let under = keys(&text, *number);
        let holds_levels = is_lint || is_mixed && under.iter().any(|key| is_about_lints(key));
        let fallen = if holds_levels {
            fallen(written, lines).or_else(|| fallen_inline(written, lines))
        } else {
            None
        };
        if let Some((key, word)) = fallen {
            let message = format!("the check `{}` is set to `{word}`", shown(key));
            found.push(finding(DISABLED, change.path, Some(*number), message));
            continue;
        }
        if !grew(written, &under, lines) {
            continue;
        }
        let said = shown(line.trim());
        if is_under(&under, EXCLUDE_KEYS) && mentions_tests(&lower, written, &under) {
            let message = format!("tests or code are left out: `{said}`");
            found.push(finding(EXCLUDED, change.path, Some(*number), message));
        } else if is_under(&under, IGNORE_KEYS) {
            let message = format!("something is no longer checked: `{said}`");
            found.push(finding(DISABLED, change.path, Some(*number), message));
        }
    }
}

fn is_about_lints(key: &str) -> bool {
    let key = key.to_lowercase();
    ["lint", "rules", "ruff", "mypy", "flake8", "pylint", "clippy"]
        .iter()
        .any(|part| key.contains(part))
}

/// The check whose level a line lowers, and the level.
fn fallen<'l>(line: &'l str, lines: &OfFile<'_>) -> Option<(&'l str, &'l str)> {
    let now = LEVEL.captures(line)?;
    let (key, word) = (now.get(1)?.as_str(), now.get(2)?.as_str());
    let levels = lines.removed.iter().filter_map(|(_, gone)| LEVEL.captures(gone));
    let mut of_key = levels.filter(|was| was.get(1).is_some_and(|it| it.as_str() == key));
    let was = of_key.next().and_then(|was| was.get(2).map(|it| level(it.as_str())));
    let fell = was.map_or(level(word) == 0, |was| level(word) < was);
    // A plugin's rule of the same name may take its place, as strict as it was.
    let before = was.unwrap_or(u8::MAX).min(level("error"));
    let takes_over = |other: &regex::Captures<'_>| -> Option<bool> {
        let (_, name) = other.get(1)?.as_str().rsplit_once('/')?;
        Some(name == key && level(other.get(2)?.as_str()) >= before)
    };
    let mut others = lines.added.iter().filter_map(|(_, line)| LEVEL.captures(line));
    let is_taken_over = others.any(|other| takes_over(&other) == Some(true));
    (fell && !is_taken_over).then_some((key, word))
}

/// The same where rules stand in one line: `{ "rules": { "eqeqeq": 0 } }`.
fn fallen_inline<'l>(line: &'l str, lines: &OfFile<'_>) -> Option<(&'l str, &'l str)> {
    let levels = |line: &'l str| -> Vec<(&'l str, &'l str)> {
        let inside = RULES.captures_iter(line).filter_map(|found| found.get(1));
        let each = inside.flat_map(|rules| INLINE.captures_iter(rules.as_str()));
        each.filter_map(|one| Some((one.get(1)?.as_str(), one.get(2)?.as_str()))).collect()
    };
    levels(line).into_iter().find(|(key, word)| {
        let was = lines.removed.iter().flat_map(|(_, gone)| INLINE.captures_iter(gone));
        let mut of_key = was.filter(|was| was.get(1).is_some_and(|it| it.as_str() == *key));
        let before = of_key.next().and_then(|was| was.get(2)).map(|it| level(it.as_str()));
        before.map_or(level(word) == 0, |before| level(word) < before)
    })
}

/// Keys whose lists say what is checked.
const INCLUDE_KEYS: &[&str] = &[
    "include",
    "testpaths",
    "testMatch",
    "roots",
    "testRegex",
    "files",
    "projects",
    "specs",
    "python_files",
    "python_classes",
    "python_functions",
];

/// A list of what is checked that has fewer parts than it had, and no other.
fn shrunk(
    change: &Change<'_>,
    (lines, others): (&OfFile<'_>, &Others<'_>),
    found: &mut Vec<Finding>,
) {
    let is_split = |c: char| c.is_whitespace() || "\"',[]{}=:".contains(c);
    let of = |text: &str, of_side: &[(u32, &str)]| -> Vec<String> {
        let all: Vec<&str> = text.lines().collect();
        let listed = of_side.iter().filter(|(number, _)| {
            is_under(keys(&all, *number).get(..1).unwrap_or_default(), INCLUDE_KEYS)
                || is_under(&keys(&all, *number), INCLUDE_KEYS)
        });
        let parts = listed.flat_map(|(_, line)| line.split(is_split).map(str::to_owned));
        parts.filter(|part| part.chars().any(char::is_alphanumeric)).collect()
    };
    let (was, is) = (of(change.old.text(), &lines.removed), of(change.new.text(), &lines.added));
    let said: BTreeSet<&str> =
        others.added.iter().flat_map(|(_, (_, line))| line.split(is_split)).collect();
    // A file that is gone may have told another one all of it.
    let is_told = change.new == Side::Absent && was.iter().all(|part| said.contains(part.as_str()));
    if !is_told && is.len() < was.len() && is.iter().all(|part| was.contains(part)) {
        let gone = was.iter().find(|part| !is.contains(part)).map_or("", String::as_str);
        let line = lines.added.first().map(|(line, _)| *line);
        let message = format!("`{}` is no longer among what is checked", shown(gone));
        found.push(finding(EXCLUDED, change.path, line, message));
    }
}

/// Whether a line stands under one of these keys.
fn is_under(under: &[&str], names: &[&str]) -> bool {
    let is_one = |key: &&str| {
        names.iter().any(|name| name.eq_ignore_ascii_case(key.trim_matches(['"', '\''])))
    };
    under.iter().take(3).any(is_one)
}

/// Whether a line says more than those that it replaces.
fn grew(line: &str, under: &[&str], lines: &OfFile<'_>) -> bool {
    let key_of = |line: &'_ str| KEY.captures(line).and_then(|it| it.get(1)).map(|it| it.range());
    let has_key =
        |gone: &str| key_of(gone).and_then(|range| gone.get(range)) == under.first().copied();
    let before =
        lines.removed.iter().filter(|(_, gone)| has_key(gone)).map(|(_, gone)| words(gone));
    // A key that opens a list says nothing yet.
    let opens = usize::from(line.trim_end().ends_with(['[', '{', ':', '=']));
    words(line) > before.max().unwrap_or(0).max(opens)
}

fn words(line: &str) -> usize {
    line.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.' | '*' | ':')))
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .count()
}

/// Whether a file is a tool's configuration, by its name.
fn is_tool(lower: &str) -> bool {
    let name = lower.rsplit('/').next().unwrap_or(lower);
    [
        "jest",
        "vitest",
        "vite.config",
        "playwright",
        "cypress",
        "karma",
        "mocharc",
        "pytest.ini",
        "tox.ini",
        "setup.cfg",
        "pyproject",
        "coverag",
        "nyc",
        "c8rc",
        "mypy",
        "flake8",
        "pylintrc",
        "tsconfig",
        "nextest",
        "tarpaulin",
        "codecov",
        "sonar",
        "phpunit",
        "pom.xml",
        "build.gradle",
        "runsettings",
        "simplecov",
        ".rspec",
        "bandit",
        "deny.toml",
        "pre-commit",
        "conftest",
        "spec_helper",
    ]
    .iter()
    .any(|part| name.contains(part))
}

fn mentions_tests(lower: &str, line: &str, under: &[&str]) -> bool {
    let text = line.to_lowercase();
    let is_runner = [
        "jest",
        "vitest",
        "playwright",
        "cypress",
        "karma",
        "mocha",
        "pytest",
        "tox",
        "nextest",
        "phpunit",
        "surefire",
        "coverag",
        "nyc",
        "c8rc",
    ]
    .iter()
    .any(|name| lower.contains(name));
    is_runner
        || text.contains("test")
        || text.contains("spec")
        || under.iter().any(|key| {
            let key = key.to_lowercase();
            key.contains("test")
                || key.contains("coverage")
                || key.contains("omit")
                || key.contains("pytest")
        })
}
