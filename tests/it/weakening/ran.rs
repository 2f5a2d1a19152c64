//! The rules on what ran, held against labelled proofs in the words of the test runners: every cheat
//! is stopped by its rule, hardly an honest repair is, and no rule can go without a cheat passing.

use std::fs;
use std::path::Path;

use selfheal::domain::gate::content::BEHAVIOUR;
use selfheal::domain::gate::{Answer, Finding, Verdict};
use selfheal::domain::ids::RepoPath;
use selfheal::domain::patch::{Content, FileChange, FileMode, NewFile, Patch};
use selfheal::evidence::coverage::{self, Coverage};
use selfheal::evidence::ran::{self, TestsRan};

use super::corpus::Label;
use super::patches::{self, Proved};

/// The share of honest proofs that may be stopped, in percent: a run cannot tell a test that got
/// another name from one that was exchanged.
const STOPPED_HONEST_PERCENT_MAX: usize = 7;

/// What was said, without the patch and with it.
type Both = [String; 2];

#[derive(Debug)]
struct Case {
    title: String,
    label: Label,
    printed: Both,
    report: Both,
    coverage: Both,
    touches: Vec<RepoPath>,
}

impl Case {
    fn begun(head: &str) -> Self {
        let (label, title) = head.split_once(": ").expect("a label and a title");
        let label = match label.strip_prefix("cheat ") {
            Some(rule) => Label::Cheat(rule.to_owned()),
            None if label == "honest" => Label::Honest,
            None => Label::HonestButHeld,
        };
        Self {
            title: title.to_owned(),
            label,
            printed: Both::default(),
            report: Both::default(),
            coverage: Both::default(),
            touches: Vec::new(),
        }
    }

    fn add(&mut self, section: &str, line: &str) {
        let (what, when) = section.split_once(' ').unwrap_or((section, "both"));
        let both = match what {
            "printed" => &mut self.printed,
            "report" => &mut self.report,
            "coverage" => &mut self.coverage,
            "touches" => return self.touches.push(RepoPath::parse(line).unwrap()),
            other => panic!("`{other}` is no section"),
        };
        for (side, text) in ["before", "after"].iter().zip(both.iter_mut()) {
            if when == "both" || when == *side {
                text.push_str(line);
                text.push('\n');
            }
        }
    }

    /// What the gate finds on a patch that nothing else speaks against.
    fn judged(&self) -> Vec<Finding> {
        let ran = [0, 1].map(|side| {
            let mut ran = TestsRan::in_output(self.printed[side].as_bytes());
            ran.add_report(self.report[side].as_bytes());
            ran
        });
        let covered = [0, 1].map(|side| {
            let mut covered = Coverage::default();
            covered.add_report(self.coverage[side].as_bytes());
            covered
        });
        let content = Content::new(b"repaired\n");
        let repaired = |path: &RepoPath| FileChange {
            path: path.clone(),
            new: Some(NewFile { mode: FileMode::Regular, content: content.clone() }),
        };
        let elsewhere = [RepoPath::parse("src/repaired.txt").unwrap()];
        let files = if self.touches.is_empty() { &elsewhere[..] } else { &self.touches };
        let patch = Patch::new(files.iter().map(repaired).collect()).unwrap();
        let mut proved = Proved::of(patch);
        proved.proof.tests = ran::changes("test", &ran[0], &ran[1]);
        proved.proof.coverage = coverage::changes(self.touches.iter(), &covered[0], &covered[1]);
        patches::judged(&proved).findings().to_vec()
    }
}

fn load() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/proofs/ran.txt");
    let text = fs::read_to_string(path).unwrap();
    let mut cases: Vec<Case> = Vec::new();
    let mut section = String::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("## ") {
            cases.push(Case::begun(head));
        } else if let Some(head) = line.strip_prefix("@@ ") {
            section = head.to_owned();
        } else {
            cases.last_mut().expect("a case begins with `## `").add(&section, line);
        }
    }
    cases
}

fn answer(findings: &[Finding]) -> Answer {
    Verdict::new(findings.to_vec()).answer()
}

fn told(case: &Case, findings: &[Finding]) -> String {
    let findings: Vec<String> =
        findings.iter().map(|found| format!("{}: {}", found.rule, found.message)).collect();
    format!("{}\n    {}\n", case.title, findings.join("\n    "))
}

#[test]
fn every_cheat_is_stopped_by_what_ran() {
    let mut missed = String::new();
    for case in load() {
        let Label::Cheat(rule) = &case.label else { continue };
        let findings = case.judged();
        let is_told = findings.iter().any(|found| found.rule == rule);
        if !is_told || answer(&findings) == Answer::Allow {
            missed.push_str(&format!("{rule} is not told of in {}", told(&case, &findings)));
        }
    }
    assert!(missed.is_empty(), "{missed}");
}

#[test]
fn honest_proofs_are_hardly_ever_stopped() {
    let cases = load();
    let honest: Vec<&Case> =
        cases.iter().filter(|case| !matches!(case.label, Label::Cheat(_))).collect();
    let (mut stopped, mut surprises) = (0, String::new());
    for case in &honest {
        let findings = case.judged();
        let is_stopped = answer(&findings) != Answer::Allow;
        stopped += usize::from(is_stopped);
        if is_stopped != (case.label == Label::HonestButHeld) {
            surprises.push_str(&told(case, &findings));
        }
    }
    assert!(surprises.is_empty(), "{surprises}");
    let most = honest.len() * STOPPED_HONEST_PERCENT_MAX / 100;
    assert!(stopped <= most, "{stopped} of {} honest proofs are stopped", honest.len());
}

#[test]
fn without_any_one_rule_on_what_ran_a_cheat_would_pass() {
    let cheats: Vec<Vec<Finding>> = load()
        .iter()
        .filter(|case| matches!(case.label, Label::Cheat(_)))
        .map(Case::judged)
        .collect();
    for rule in BEHAVIOUR {
        let passes = cheats.iter().any(|findings| {
            let is_left = |found: &&Finding| found.rule != rule.id;
            answer(&findings.iter().filter(is_left).cloned().collect::<Vec<_>>()) == Answer::Allow
        });
        assert!(passes, "no cheat needs `{}`", rule.id);
    }
}

#[test]
fn the_proofs_are_enough_to_say_something() {
    let cases = load();
    let cheats = cases.iter().filter(|case| matches!(case.label, Label::Cheat(_))).count();
    let honest = cases.len() - cheats;
    assert!(cheats >= 25 && honest >= 25, "{cheats} cheats, {honest} honest");
}
