//! The registry: every tool that is understood, in the order in which their rules look at a line.
//!
//! One file a tool (or a family that shares its forms). Specific formats come before general ones:
//! a line has one reading. What several tools need to read around a line stands here.

use super::draft::{Draft, Weight};
use super::lines::{At, LOOK_LINES_MAX};
use super::rule::{Rule, Tool};
use crate::domain::failure::{FailureKind, Severity};

mod actions;
mod apps;
mod builders;
mod cargo;
mod cargo_checks;
mod checks;
mod ci;
mod codespell;
mod crashes;
mod cypress;
mod deno;
mod deploy;
mod django;
mod dotnet;
mod extent;
mod fortran;
mod functional;
mod generic;
mod go;
mod go_tests;
mod gradle;
mod infrastructure;
mod js_lint;
mod js_packages;
mod js_tests;
mod json_lines;
mod jvm;
mod jvm_lint;
mod jvm_tests;
mod latex;
mod link;
mod linters;
mod listed;
mod native;
mod native_tests;
mod openapi;
mod perl;
mod php;
mod powershell;
mod projects;
mod python_doctest;
mod python_envs;
mod python_format;
mod python_lint;
mod python_packages;
mod python_tests;
mod ruby;
mod rust_tests;
mod rustc;
mod scenarios;
mod security;
mod sphinx;
mod tap;
mod test_unit;
mod typescript;
mod yamllint;

/// Every tool, the most specific first.
pub(super) static TOOLS: &[&Tool] = &[
    &json_lines::TOOL,
    &rustc::TOOL,
    &cargo::TOOL,
    &cargo::RUSTFMT,
    &rust_tests::TOOL,
    &typescript::TOOL,
    &typescript::BUNDLERS,
    &js_lint::ESLINT,
    &js_lint::OXLINT,
    &js_lint::BIOME,
    &js_lint::PRETTIER,
    &functional::ELIXIR,
    &cypress::TOOL,
    &js_tests::JEST,
    &js_tests::VITEST,
    &js_tests::MOCHA,
    &tap::BUN,
    &deno::TOOL,
    &js_packages::TOOL,
    &python_lint::TYPES,
    &python_lint::LINT,
    &python_format::FORMAT,
    &python_tests::PYTEST,
    &python_tests::UNITTEST,
    &python_doctest::TOOL,
    &go_tests::TOOL,
    &go::TOOL,
    &go::GOFMT,
    &jvm::JAVAC,
    &jvm_lint::SCALA,
    &jvm_lint::JAVA,
    &jvm_lint::KOTLIN,
    &jvm::KOTLINC,
    &jvm_lint::SPOTLESS,
    &jvm_tests::TESTS,
    &gradle::MAVEN,
    &gradle::GRADLE,
    &jvm::EXCEPTIONS,
    &dotnet::BUILD,
    &dotnet::TESTS,
    &powershell::TOOL,
    &ruby::RSPEC,
    &ruby::MINITEST,
    &test_unit::TOOL,
    &ruby::RUBOCOP,
    &ruby::BUNDLER,
    &php::TESTS,
    &php::LINT,
    &php::COMPOSER,
    &scenarios::TOOL,
    &django::TOOL,
    &apps::XCTEST,
    &apps::DART,
    &functional::OTHERS,
    &checks::ANNOTATIONS,
    &ci::TEAMCITY,
    &ci::AZURE,
    &ci::SYSTEMS,
    &checks::PRE_COMMIT,
    &checks::SCANNERS,
    &security::TOOL,
    &cargo_checks::TOOL,
    &linters::SCRIPTS,
    &linters::COMMITS,
    &linters::COVERAGE,
    &linters::PAGES,
    &sphinx::TOOL,
    &latex::TOOL,
    &codespell::TOOL,
    &yamllint::TOOL,
    &openapi::TOOL,
    &projects::TOOL,
    &builders::BAZEL,
    &native_tests::TESTS,
    &crashes::SANITIZERS,
    &perl::TOOL,
    &crashes::CRASHES,
    &link::LINKER,
    &link::CMAKE,
    &fortran::TOOL,
    &native::COMPILER,
    &python_packages::TOOL,
    &python_envs::TOX,
    &python_packages::TRACEBACK,
    &js_packages::NODE,
    &infrastructure::RUNNER,
    &actions::TOOL,
    &infrastructure::MEMORY,
    &infrastructure::NETWORK,
    &infrastructure::SYSTEM,
    &deploy::CONTAINERS,
    &deploy::CLOUD,
    &builders::MONOREPO,
    &checks::GATES,
    &generic::TOOL,
    &generic::WORDS,
];

/// What stands between two texts, if both are there.
fn between<'t>(line: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = line.split_once(before)?;
    let (inside, _) = rest.split_once(after)?;
    Some(inside)
}

/// Reads `PATH:LINE:COLUMN` or `PATH:LINE`, with anything after it.
fn place_in(text: &str) -> Option<(&str, Option<u32>, Option<u32>)> {
    let text = text.trim();
    // A drive letter's colon is part of the path.
    let skip =
        if text.get(1..3).is_some_and(|drive| drive == ":\\" || drive == ":/") { 2 } else { 0 };
    let colon = text[skip..].match_indices(':').find_map(|(at, _)| {
        let rest = &text[skip + at + 1..];
        rest.starts_with(|c: char| c.is_ascii_digit()).then_some(skip + at)
    })?;
    let (path, rest) = (&text[..colon], &text[colon + 1..]);
    let mut numbers = rest.split(':').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        (part[..digits].parse().ok().filter(|n| *n > 0), digits == part.len())
    });
    let (line, whole) = numbers.next()?;
    let column = if whole { numbers.next().and_then(|(column, _)| column) } else { None };
    (!path.is_empty() && line.is_some()).then_some((path, line, column))
}

/// Whether a path ends in `.extension`, in any case.
fn has_extension(path: &str, extension: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case(extension))
}

/// Reads `12) NAME`, as runners number what failed.
fn numbered(line: &str) -> Option<&str> {
    let (number, name) = line.trim().split_once(") ")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(name)
}

/// Reads a JavaScript stack frame: `at f (PATH:LINE:COLUMN)`, `at PATH:LINE:COLUMN`.
fn frame_in(line: &str) -> Option<(&str, Option<u32>, Option<u32>)> {
    let frame = line.trim().strip_prefix("at ")?;
    let place = match frame.rsplit_once('(') {
        Some((_, place)) => place.trim_end_matches(')'),
        None => frame.trim_start_matches("async "),
    };
    // The last colons are the numbers'; a web page's address has more before them.
    place_in(place.strip_prefix("file://").unwrap_or(place))
        .filter(|(path, ..)| !path.contains(", ") && !is_web_address(path))
}

/// Whether a path is the beginning of `http://HOST:PORT/`.
fn is_web_address(path: &str) -> bool {
    path.starts_with("http://") || path.starts_with("https://")
}

/// Whether a path is of what is installed on a machine, a compiler's or a library's own files, which
/// nobody mends in the repository.
fn is_installed(path: &str) -> bool {
    const ROOTS: [&str; 4] = ["/usr/", "/opt/", "/Library/", "/Applications/"];
    ROOTS.iter().any(|root| path.starts_with(root))
}

/// Whether a stack frame's path is the project's and not its runtime's or a dependency's.
fn is_own(path: &str) -> bool {
    const FOREIGN: [&str; 11] = [
        "node_modules",
        "node:",
        "internal/",
        "<anonymous>",
        "bun:",
        "site-packages",
        "/usr/lib",
        "hostedtoolcache",
        ".cargo/registry",
        "/rustlib/",
        "/rustc/",
    ];
    !FOREIGN.iter().any(|part| path.contains(part)) && path.contains(['.', '/'])
}
