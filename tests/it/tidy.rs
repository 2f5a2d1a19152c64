//! The house rules that no compiler and no linter checks, as tests that only read files.
//!
//! Every rule is a pure function from sources to findings, with a table of its own that shows that
//! it can fail. A finding names the file, the line and the rule. What a rule must put up with for
//! now stands in [`exceptions`], each with its reason; a needless exception is a finding too, so
//! the list can only shrink.

mod exceptions;
mod layers;
mod pages;
mod shape;
mod source;
mod tree;
mod words;

use source::Source;
use tree::Tree;

/// Folders with Rust of our own.
const RUST: &[&str] = &["src", "world/src", "xtask/src", "tests", "examples", "fuzz"];

#[test]
fn modules_use_only_what_lies_below_them() {
    nothing(&layers::findings(&sources(&["src"])));
}

#[test]
fn no_two_modules_use_each_other() {
    nothing(&layers::circles(&sources(&["src"])));
}

#[test]
fn pure_modules_wait_for_nothing_and_read_no_clock() {
    nothing(&words::impurities(&sources(&["src"])));
}

#[test]
fn functions_fit_a_screen_and_files_fit_a_mind() {
    nothing(&shape::too_long(&sources(RUST), exceptions::LONG));
}

#[test]
fn arguments_say_what_they_mean() {
    nothing(&shape::flags(&sources(&["src", "xtask/src"])));
}

#[test]
fn every_module_says_what_it_is_for() {
    nothing(&shape::without_header(&sources(RUST)));
}

#[test]
fn production_code_has_no_test_hooks() {
    nothing(&shape::test_hooks(&sources(&["src", "world/src", "xtask/src"])));
}

#[test]
fn production_code_never_unwraps() {
    nothing(&words::unwraps(&sources(&["src", "world/src", "xtask/src"])));
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    nothing(&words::allowed_lints(&sources(RUST)));
}

#[test]
fn names_say_what_a_thing_yields_or_causes() {
    nothing(&words::empty_names(&sources(RUST)));
}

#[test]
fn what_is_left_to_do_has_an_issue() {
    nothing(&words::loose_ends(&sources(RUST)));
}

#[test]
fn tests_neither_sleep_nor_look_away() {
    nothing(&words::lazy_tests(&sources(RUST)));
}

#[test]
fn pages_are_short_enough_to_be_read() {
    nothing(&pages::too_long(&Tree::of_the_project().texts(&["md"])));
}

#[test]
fn pages_link_to_what_is_there() {
    let tree = Tree::of_the_project();
    nothing(&pages::broken_links(&tree.texts(&["md"]), &tree.paths()));
}

#[test]
fn both_engines_have_the_same_migrations() {
    let tree = Tree::of_the_project();
    nothing(&pages::unlike_migrations(
        &tree.names("migrations/sqlite"),
        &tree.names("migrations/postgres"),
    ));
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let manifests: Vec<_> = Tree::of_the_project()
        .texts(&["toml"])
        .into_iter()
        .filter(|text| text.path.ends_with("Cargo.toml"))
        .collect();
    nothing(&pages::unexplained_dependencies(&manifests));
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let texts = Tree::of_the_project().texts(&[]);
    nothing(&pages::machine_paths(&texts, exceptions::ABSOLUTE));
}

#[test]
fn nothing_is_left_lying_about() {
    nothing(&pages::litter(&Tree::of_the_project().paths()));
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let tree = Tree::of_the_project();
    let found: Vec<Source> = tree
        .texts(&["rs"])
        .iter()
        .filter(|text| folders.iter().any(|folder| text.path.starts_with(&format!("{folder}/"))))
        .map(|text| Source::read(&text.path, &text.text))
        .collect();
    assert!(!found.is_empty(), "there is no Rust in {folders:?}: the rule would pass on nothing");
    found
}

#[track_caller]
fn nothing(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n  {}", findings.len(), findings.join("\n  "));
}
