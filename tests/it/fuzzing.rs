//! Hostile bytes against everything that reads what strangers wrote.
//!
//! Every file of `fuzz/corpus`, then a fixed number of mutations of them, the same on every
//! machine: a failure names its round, and the round makes its input again. That is a guard against
//! going back, not a hunt: `cargo fuzz run TARGET` hunts with the same promises and the same corpus,
//! and what it finds joins the corpus. A reader that hangs is ended by CI's own limit.

mod mutation;
mod promises;

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use mutation::Chance;

/// Mutations of each corpus; all of them take seconds without optimisation.
const ROUNDS: u64 = 600;
/// How much of an input a failure shows.
const SHOWN_BYTES_MAX: usize = 4 * 1024;

#[test]
fn no_log_makes_the_evidence_break_its_promises() {
    keeps("parse", promises::parse);
}

#[test]
fn no_report_makes_the_evidence_break_its_promises() {
    keeps("report", promises::report);
}

#[test]
fn no_problem_matcher_makes_the_evidence_break_its_promises() {
    keeps("matchers", promises::matchers);
}

#[test]
fn no_text_keeps_a_known_secret() {
    keeps("redact", promises::redact);
}

#[test]
fn no_comment_gives_more_commands_than_allowed() {
    keeps("slash_command", promises::slash_command);
}

#[test]
fn no_repository_file_is_answered_without_measure() {
    keeps("repository_file", promises::repository_file);
}

#[test]
fn no_delivery_is_read_that_is_no_object() {
    keeps("webhook", promises::webhook);
}

#[test]
fn no_signature_is_one_without_its_form() {
    keeps("signature", promises::signature);
}

#[test]
fn no_archive_unpacks_to_more_than_its_limits() {
    keeps("archive", promises::archive);
}

#[test]
fn no_document_is_read_that_cannot_be_written() {
    keeps("document", promises::document);
}

#[test]
fn no_runner_sends_a_patch_beyond_its_limits() {
    keeps("runner", promises::runner);
}

#[test]
fn no_change_makes_the_gate_break_its_promises() {
    keeps("weakening", promises::weakening);
}

#[test]
fn every_target_of_cargo_fuzz_is_run_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut targets: Vec<String> = names(&folder);
    targets.sort();
    let ours = [
        "archive",
        "document",
        "matchers",
        "parse",
        "redact",
        "report",
        "repository_file",
        "runner",
        "signature",
        "slash_command",
        "weakening",
        "webhook",
    ];
    assert_eq!(targets, ours.map(|target| format!("{target}.rs")));
}

/// Holds a promise against the corpus, its mutations, and what is too long to be kept.
fn keeps(target: &str, promise: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut names = names(&folder);
    names.sort(); // chance must choose the same file everywhere
    assert!(!names.is_empty(), "there is no corpus of {target}");
    let corpus: Vec<Vec<u8>> =
        names.iter().map(|name| std::fs::read(folder.join(name)).unwrap()).collect();
    for (name, input) in names.iter().zip(&corpus) {
        held(&format!("{target}, {name}"), input, promise);
    }
    for (name, input) in mutation::generated() {
        held(&format!("{target}, {name}"), &input, promise);
    }
    for round in 0..ROUNDS {
        let input = mutation::mutated(&corpus, &mut Chance::seeded(round));
        held(&format!("{target}, round {round}"), &input, promise);
    }
}

fn held(what: &str, input: &[u8], promise: fn(&[u8])) {
    let kept = panic::catch_unwind(AssertUnwindSafe(|| promise(input)));
    let shown = &input[..input.len().min(SHOWN_BYTES_MAX)];
    assert!(kept.is_ok(), "{what}: a promise is broken by \"{}\"", shown.escape_ascii());
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
