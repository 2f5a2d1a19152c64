//! Rules about what a change does to tests and checks: their names, weights and explanations.
//!
//! Not the reading itself, which needs grammars (`weakening`). The table is here so that policies
//! can be checked against it, findings can name it, and the page of the gate is made from it. A
//! rule that is not in this table cannot be found, raised or lowered.

use std::collections::BTreeMap;

use super::{Finding, Weight};

/// A rule about the content of a change.
#[derive(Debug, Clone, Copy)]
pub struct ContentRule {
    /// Its id, in reports, JSON, SARIF and the repository file.
    pub id: &'static str,
    /// What it weighs unless the repository says otherwise.
    pub weight: Weight,
    /// What it looks at and what it says, for people.
    pub about: &'static str,
}

const fn rule(id: &'static str, weight: Weight, about: &'static str) -> ContentRule {
    ContentRule { id, weight, about }
}

use Weight::{Hold, Note, Refuse};

/// Every rule about content, in the order of the page: tests, checks, the rest.
pub const RULES: &[ContentRule] = &[
    rule(
        "test-removed",
        Refuse,
        "A test is gone: deleted, commented out, or named or placed so that its runner no longer \
         finds it. One that was moved, renamed, split or merged into a table is not; one that is \
         gone with what it tested is noted, where the change adds no other code.",
    ),
    rule(
        "test-skipped",
        Refuse,
        "A test, or the group it is in, is skipped, ignored, disabled or expected to fail, always \
         or on a condition.",
    ),
    rule(
        "test-focused",
        Refuse,
        "A test is focused (`.only`, `fit`, `focus: true`), so that the others no longer run.",
    ),
    rule(
        "test-emptied",
        Refuse,
        "A test asserts nothing any more, or returns before its assertions.",
    ),
    rule(
        "test-cases-fewer",
        Refuse,
        "A test runs on fewer cases, rows or parameters, or leaves its loop before it asserts.",
    ),
    rule("assertion-removed", Refuse, "A test asserts less than it did."),
    rule("assertion-vacuous", Refuse, "An assertion can no longer fail, such as `assert!(true)`."),
    rule(
        "assertion-loosened",
        Hold,
        "An assertion asks for less: a part instead of the whole, any error instead of this one, \
         something instead of a value.",
    ),
    rule(
        "assertion-conditional",
        Hold,
        "An assertion is now made only on a condition, where its failure is caught, or where nobody \
         waits for it.",
    ),
    rule("expected-edited", Hold, "What a test expects is edited: a value, a row, a message."),
    rule(
        "tolerance-raised",
        Hold,
        "A comparison lets more values pass: a wider tolerance or bound.",
    ),
    rule("timeout-raised", Hold, "A test waits longer: a time-out is raised or a pause added."),
    rule("retry-added", Hold, "A test is tried again until it passes, or more often than before."),
    rule("mock-added", Hold, "A test that was there puts a double in the place of real code."),
    rule("fixture-edited", Hold, "A recorded input or expected output of tests is edited or gone."),
    rule(
        "harness-changed",
        Hold,
        "What runs or judges tests is changed: a hook that collects, reports or ends them, or a \
         function in the place of one of the assertion library's.",
    ),
    rule(
        "test-aware",
        Hold,
        "Code asks whether it is being tested or whether CI runs it, so that it can behave otherwise \
         there.",
    ),
    rule(
        "unread-test",
        Hold,
        "A test file changes that cannot be read by syntax: a language without a grammar here, a \
         file with syntax errors, or one beyond the limits. The rules for text still apply.",
    ),
    rule(
        "suppression-added",
        Refuse,
        "A check is told to be silent at a place: `allow`, `noqa`, `type: ignore`, \
         `eslint-disable`, `@ts-ignore`, `@SuppressWarnings`, `nolint`, `rubocop:disable`, \
         `#pragma warning disable`, coverage pragmas and their like.",
    ),
    rule(
        "type-escape",
        Hold,
        "A value is taken out of the type checker's sight: `as any`, `cast(Any, …)`, `null!`.",
    ),
    rule(
        "error-swallowed",
        Hold,
        "An error is dropped: an empty handler, a handler for everything that does not raise \
         again, a result assigned to nothing.",
    ),
    rule(
        "failure-ignored",
        Refuse,
        "A command may fail unseen: a tail that is true, `set +e`, `continue-on-error`, \
         `allow_failure`, `--exit-zero` and their like; or a workflow no longer starts when code \
         changes.",
    ),
    rule(
        "check-disabled",
        Refuse,
        "A lint or compiler check is switched off, demoted to a warning, or asks for less.",
    ),
    rule("coverage-lowered", Refuse, "A coverage threshold is lowered or gone."),
    rule(
        "tests-excluded",
        Refuse,
        "A runner's configuration or command leaves tests out: an exclude, a narrower pattern, a \
         deselection, a part of the workspace.",
    ),
    rule("secret-added", Refuse, "Something in the shape of a credential is added."),
    rule(
        "hidden-unicode",
        Refuse,
        "Characters are added that cannot be seen or that turn the order of a line around.",
    ),
    rule("install-script", Hold, "A manifest gets a command that runs when it is installed."),
    rule(
        "network-destination",
        Hold,
        "A manifest, script or configuration names a host that it did not name before.",
    ),
    rule("generated-edited", Hold, "A file that says it is generated is edited by hand."),
];

/// Every rule about what ran: what the proof says of tests and their coverage.
pub const BEHAVIOUR: &[ContentRule] = &[
    rule(
        VANISHED,
        Refuse,
        "A test that ran without the patch does not exist with it, whatever its source looks like. \
         One that runs in another file or module has moved; one with another name counts as gone.",
    ),
    rule(
        SKIPPED,
        Refuse,
        "A test that ran without the patch is skipped with it, or is expected to fail.",
    ),
    rule(
        FEWER,
        Hold,
        "Fewer tests ran with the patch, where the test runner prints numbers and no names.",
    ),
    rule(
        COVERAGE,
        Hold,
        "Tests cover less of a file that the patch touches: a smaller share of it, and more lines \
         that nothing runs; or the report no longer knows the file.",
    ),
];

/// Every rule about how far a patch goes from what failed.
pub const REACH: &[ContentRule] = &[
    rule(
        BEYOND,
        Note,
        "A file changes to which nothing leads from what failed: it is not where it failed nor in \
         a folder with it, no test or subject of such a file, no line of the log that matters names \
         it, and the pull request does not change it. Not said where the place of a failure is not \
         known.",
    ),
    rule(
        OUT_OF_PROPORTION,
        Hold,
        "Far more changes than failed: more than four files and two for each file in which \
         something failed, or more than 120 lines and 40 for each failure. Not where a failure has \
         no place or is one of dependencies; lines of files that a formatter writes anew are not \
         counted.",
    ),
];

/// The id of the rule about files to which nothing leads.
pub(super) const BEYOND: &str = "beyond-reach";

/// The id of the rule about patches far larger than what failed.
pub(super) const OUT_OF_PROPORTION: &str = "out-of-proportion";

/// The id of the rule about tests that are gone.
pub(super) const VANISHED: &str = "proof-test-vanished";

/// The id of the rule about tests that no longer run.
pub(super) const SKIPPED: &str = "proof-test-skipped";

/// The id of the rule about numbers of tests.
pub(super) const FEWER: &str = "proof-tests-fewer";

/// The id of the rule about coverage.
pub(super) const COVERAGE: &str = "proof-coverage-fell";

/// Rules on a patch, beside those about content, whose weight a repository may set.
pub const ADJUSTABLE: &[&str] = &["mode", "binary", "snapshot", "proof-runs"];

/// The rule with that id.
pub fn rule_of(id: &str) -> Option<&'static ContentRule> {
    tables().find(|rule| rule.id == id)
}

/// The id of every rule whose weight a repository may set.
pub fn adjustable() -> impl Iterator<Item = &'static str> {
    tables().map(|rule| rule.id).chain(ADJUSTABLE.iter().copied())
}

fn tables() -> impl Iterator<Item = &'static ContentRule> {
    RULES.iter().chain(BEHAVIOUR).chain(REACH)
}

/// What a repository wants rules to weigh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Severities(BTreeMap<&'static str, Weight>);

impl Severities {
    /// Sets the weight of a rule; `false` when there is none of that name that may be set.
    pub fn set(&mut self, id: &str, weight: Weight) -> bool {
        let Some(known) = adjustable().find(|known| *known == id) else { return false };
        self.0.insert(known, weight);
        true
    }

    /// What is set, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Weight)> {
        self.0.iter().map(|(id, weight)| (*id, *weight))
    }

    /// The findings as the repository weighs them.
    #[must_use]
    pub fn applied(&self, mut findings: Vec<Finding>) -> Vec<Finding> {
        for finding in &mut findings {
            if let Some(weight) = self.0.get(finding.rule) {
                finding.weight = *weight;
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_one_name() {
        let mut names: Vec<_> = adjustable().collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
    }

    #[test]
    fn a_repository_weighs_only_what_may_be_weighed() {
        let mut severities = Severities::default();
        assert!(severities.set("test-skipped", Weight::Hold));
        assert!(severities.set("binary", Weight::Refuse));
        for fixed in ["proof", "protected-path", "symlink", "submodule", "empty-patch", "other"] {
            assert!(!severities.set(fixed, Weight::Note), "{fixed}");
        }
        let finding = |rule| Finding::new(rule, Weight::Refuse, "why");
        let weighed = severities.applied(vec![finding("test-skipped"), finding("proof")]);
        assert_eq!(weighed[0].weight, Weight::Hold);
        assert_eq!(weighed[1].weight, Weight::Refuse);
    }
}
