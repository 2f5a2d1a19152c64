//! How far patches go from what they shall mend, held against labelled ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use selfheal::domain::failure::{Failure, FailureKind};
use selfheal::domain::gate::content::REACH;
use selfheal::domain::gate::reach::{Failed, of_reach};
use selfheal::domain::gate::{Finding, Weight};
use selfheal::domain::ids::RepoPath;
use selfheal::domain::patch::{Content, FileChange, FileMode, NewFile};
use selfheal::domain::pull::BaseFile;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    title: String,
    label: String,
    failures: Vec<String>,
    #[serde(default)]
    excerpt: String,
    #[serde(default)]
    changed: Vec<String>,
    patch: BTreeMap<String, usize>,
}

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

/// `kind file:line {test} message`; a dash where no file is known.
fn failure(text: &str) -> Failure {
    let mut words = text.splitn(3, ' ');
    let mut next = || words.next().unwrap();
    let kind = FailureKind::parse(next()).unwrap();
    let place = next();
    let mut message = next();
    let mut failure = Failure::new(kind, message);
    if let Some((test, rest)) = message.strip_prefix('{').and_then(|it| it.split_once("} ")) {
        failure.test = Some(test.to_owned());
        message = rest;
    }
    message.clone_into(&mut failure.message);
    if let Some((file, line)) = place.split_once(':') {
        failure.file = Some(path(file));
        failure.line = Some(line.parse().unwrap());
    }
    failure
}

fn found(case: &Labelled) -> Vec<Finding> {
    let lines = |count: usize, what: &str| -> String {
        let mut text = String::new();
        for at in 0..count {
            text.push_str(&format!("{what} {at}\n"));
        }
        text
    };
    let (mut changes, mut base) = (Vec::new(), Vec::new());
    for (name, count) in &case.patch {
        let (old, new) = (lines(*count, "old"), lines(*count, "new"));
        let head = "the head\n";
        let content = Content::new(format!("{head}{new}").as_bytes());
        let new = NewFile { mode: FileMode::Regular, content };
        changes.push(FileChange { path: path(name), new: Some(new) });
        let text = Some(format!("{head}{old}"));
        base.push(BaseFile { path: path(name), mode: FileMode::Regular, text, size: 0 });
    }
    let failures: Vec<Failure> = case.failures.iter().map(|text| failure(text)).collect();
    let changed_files: Vec<RepoPath> = case.changed.iter().map(|name| path(name)).collect();
    let (excerpt, changed_files) = (case.excerpt.as_str(), changed_files.as_slice());
    of_reach(&Failed { failures: &failures, excerpt, changed_files }, &changes, &base)
}

fn corpus() -> Vec<Labelled> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weakening/reach.yml");
    serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn patches_that_go_too_far_are_told_of_and_others_are_not() {
    let mut wrong = String::new();
    for case in corpus() {
        let found = found(&case);
        let rules: Vec<&str> = found.iter().map(|finding| finding.rule).collect();
        let is_right = match case.label.as_str() {
            "honest" => rules.is_empty(),
            label => rules == [label],
        };
        if !is_right {
            wrong.push_str(&format!("{}: {} is {rules:?}\n", case.title, case.label));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn each_rule_of_reach_has_a_patch_that_it_alone_tells_of() {
    let cases = corpus();
    for rule in REACH {
        let count = cases.iter().filter(|case| case.label == rule.id).count();
        assert!(count >= 4, "{count} patches of {}", rule.id);
    }
    let honest = cases.iter().filter(|case| case.label == "honest").count();
    assert!(honest * 2 >= cases.len(), "{honest} of {} are honest", cases.len());
}

#[test]
fn findings_of_reach_say_where_and_weigh_what_their_table_says() {
    let cases = corpus();
    let far = cases.iter().find(|case| case.title.contains("server's start")).unwrap();
    let findings = found(far);
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(finding.weight, Weight::Note, "it is advice");
    assert_eq!(finding.place().as_deref(), Some("bin/start/server.rs:2"));
    let large = cases.iter().find(|case| case.title.contains("seven files")).unwrap();
    let findings = found(large);
    assert_eq!(findings[0].weight, Weight::Hold, "a person looks");
    let why = "1 failure in 1 file, and 14 changed lines in 7 files; 160 lines in 6 files are in \
               proportion to that";
    assert_eq!(findings[0].message, why);
}
