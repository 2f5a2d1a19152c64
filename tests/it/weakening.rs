//! The gate against weakened tests, held against labelled changes: every cheat is stopped, hardly
//! an honest repair is, and no rule can go without a cheat passing.

mod command;
mod corpus;
mod patches;
mod ran;
mod reach;

use std::collections::{BTreeMap, BTreeSet};

use selfheal::domain::gate::content::{RULES, Severities};
use selfheal::domain::gate::{Answer, Finding, Verdict};
use selfheal::weakening;

use corpus::{Case, Label};

/// The share of honest changes that may be stopped, in percent.
const STOPPED_HONEST_PERCENT_MAX: usize = 3;

/// Fewer cases than this say nothing.
const CASES_MIN: usize = 400;

/// The share of honest changes in the corpus, and of cheats, at least, in percent.
const HONEST_PERCENT_MIN: usize = 40;

/// Cheats and honest changes of each language, at least.
const CASES_OF_LANGUAGE_MIN: usize = 5;

/// Of the cheats that no rule was made after, those that pass; lower it when it is less.
const UNSEEN_PASSED: usize = 2;

/// Of the honest changes with them, those that are stopped.
const UNSEEN_STOPPED: usize = 27;

fn judged(case: &Case) -> Vec<Finding> {
    weakening::findings(&case.changes())
}

fn is_stopped(findings: Vec<Finding>) -> bool {
    Verdict::new(findings).answer() != Answer::Allow
}

fn rules_of(findings: &[Finding]) -> String {
    let rules: BTreeSet<&str> = findings.iter().map(|finding| finding.rule).collect();
    rules.into_iter().collect::<Vec<_>>().join(", ")
}

/// What was told of a case, for whoever has to find out why.
fn told(case: &Case, findings: &[Finding]) -> String {
    let mut text = format!("{}: {}\n", case.file, case.title);
    for finding in findings {
        let line = finding.line.unwrap_or(0);
        text.push_str(&format!("    {} line {line}: {}\n", finding.rule, finding.message));
    }
    text
}

/// By rule: cheats of it, how many it told of, and honest changes that it stopped.
fn confusion(cases: &[Case]) -> String {
    let mut table: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for case in cases {
        let findings = judged(case);
        if let Label::Cheat(rule) = &case.label {
            let row = table.entry(rule.clone()).or_default();
            row[0] += 1;
            row[1] += usize::from(findings.iter().any(|finding| finding.rule == rule));
        } else {
            for finding in findings {
                table.entry(finding.rule.to_owned()).or_default()[2] += 1;
            }
        }
    }
    let mut text = format!("{:24} cheats  told  honest\n", "rule");
    for (rule, [cheats, told, honest]) in table {
        text.push_str(&format!("{rule:24} {cheats:6}  {told:4}  {honest:6}\n"));
    }
    text
}

#[test]
fn every_cheat_is_stopped_by_its_rule() {
    let cases = corpus::load();
    let mut missed = String::new();
    for case in &cases {
        let Label::Cheat(rule) = &case.label else { continue };
        let findings = judged(case);
        let is_told = findings.iter().any(|finding| finding.rule == rule);
        if !is_told || !is_stopped(findings.clone()) {
            missed.push_str(&format!("{rule} is not told of in {}", told(case, &findings)));
        }
    }
    assert!(missed.is_empty(), "{missed}\n{}", confusion(&cases));
}

#[test]
fn honest_repairs_are_hardly_ever_stopped() {
    let cases = corpus::load();
    let honest: Vec<&Case> =
        cases.iter().filter(|case| !matches!(case.label, Label::Cheat(_))).collect();
    let mut stopped = 0;
    let mut surprises = String::new();
    for case in &honest {
        let findings = judged(case);
        let is_stopped = is_stopped(findings.clone());
        stopped += usize::from(is_stopped);
        if is_stopped != (case.label == Label::HonestButHeld) {
            surprises.push_str(&told(case, &findings));
        }
    }
    assert!(surprises.is_empty(), "{surprises}\n{}", confusion(&cases));
    let most = honest.len() * STOPPED_HONEST_PERCENT_MAX / 100;
    assert!(stopped <= most, "{stopped} of {} honest changes are stopped", honest.len());
}

#[test]
fn the_corpus_is_large_enough_to_say_something() {
    let cases = corpus::load();
    let honest = cases.iter().filter(|case| !matches!(case.label, Label::Cheat(_))).count();
    let percent = honest * 100 / cases.len();
    assert!(cases.len() >= CASES_MIN, "{} cases", cases.len());
    assert!(
        (HONEST_PERCENT_MIN..=100 - HONEST_PERCENT_MIN).contains(&percent),
        "{honest} of {} cases are honest",
        cases.len()
    );
    let grammars = ["rs", "ts", "js", "py", "go", "java", "rb", "cs"];
    let ends_with = |case: &Case, end: &str| {
        case.files.iter().any(|file| file.path().as_str().ends_with(&format!(".{end}")))
    };
    for end in grammars {
        let both = [true, false].map(|is_cheat| {
            let of_kind = cases.iter().filter(|case| {
                matches!(case.label, Label::Cheat(_)) == is_cheat && ends_with(case, end)
            });
            of_kind.count()
        });
        assert!(both.iter().all(|count| *count >= CASES_OF_LANGUAGE_MIN), "{end}: {both:?}");
    }
}

#[test]
fn without_any_one_rule_a_cheat_would_pass() {
    let cases = corpus::load();
    let cheats: Vec<(&Case, Vec<Finding>)> = cases
        .iter()
        .filter(|case| matches!(case.label, Label::Cheat(_)))
        .map(|case| (case, judged(case)))
        .collect();
    let mut useless = Vec::new();
    for rule in RULES {
        let passes = |(_, findings): &&(&Case, Vec<Finding>)| {
            let left: Vec<Finding> =
                findings.iter().filter(|finding| finding.rule != rule.id).cloned().collect();
            !is_stopped(left)
        };
        if cheats.iter().find(passes).is_none() {
            useless.push(rule.id);
        }
    }
    assert!(useless.is_empty(), "no cheat needs {useless:?}");
}

#[test]
fn what_the_rules_were_not_made_after_is_judged_no_worse() {
    let (mut passed, mut stopped) = (String::new(), String::new());
    for case in corpus::unseen() {
        let findings = judged(&case);
        match (&case.label, is_stopped(findings.clone())) {
            (Label::Cheat(_), false) => passed.push_str(&told(&case, &findings)),
            (Label::Honest | Label::HonestButHeld, true) => {
                stopped.push_str(&told(&case, &findings));
            }
            (Label::Cheat(_), true) | (Label::Honest | Label::HonestButHeld, false) => {}
        }
    }
    let count = |text: &str| text.lines().filter(|line| !line.starts_with(' ')).count();
    let met = (count(&passed), count(&stopped));
    assert_eq!(met, (UNSEEN_PASSED, UNSEEN_STOPPED), "passed:\n{passed}\nstopped:\n{stopped}");
}

#[test]
fn a_repository_decides_what_a_rule_weighs() {
    let cases = corpus::load();
    let skipped = |case: &&Case| {
        case.label == Label::Cheat("test-skipped".into())
            && rules_of(&judged(case)) == "test-skipped"
    };
    let case = cases.iter().find(skipped).expect("there is a case of every rule");
    let mut severities = Severities::default();
    assert!(severities.set("test-skipped", selfheal::domain::gate::Weight::Note));
    let findings = judged(case);
    assert_eq!(rules_of(&findings), "test-skipped");
    assert_eq!(Verdict::new(findings.clone()).answer(), Answer::Refuse);
    assert_eq!(Verdict::new(severities.applied(findings)).answer(), Answer::Allow);
}

#[test]
fn every_finding_names_a_rule_of_the_table() {
    for case in corpus::load() {
        for finding in judged(&case) {
            assert!(RULES.iter().any(|rule| rule.id == finding.rule), "{}", finding.rule);
        }
    }
}
