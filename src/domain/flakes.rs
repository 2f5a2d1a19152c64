//! Flakes: how often the same commit turned green when what had failed ran again.
//!
//! Only trials count: a commit was red, its jobs ran again with nothing changed, and the failure was
//! gone or was there again. A text that looks like a race proves nothing. The invariant: nothing is
//! called flaky on fewer than three trials, because of fewer the bound below stays under one half.
//!
//! A trial is of one failure by its fingerprint, so a known flake hides no other fault of its test.

use super::cause::Cause;
use super::evidence::Evidence;
use super::failure::{Failure, FailureKind, Fingerprint};
use super::ids::Timestamp;
use super::proof::{RUNS_MAX, RUNS_USUAL};
use super::pull::CiRun;

/// How long a trial counts: what was flaky a season ago may be mended.
pub const TRIAL_DAYS: i64 = 90;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Since when trials count.
pub const fn counted_since(now: Timestamp) -> Timestamp {
    now.plus_ms(-TRIAL_DAYS * DAY_MS)
}

/// Longest text that is kept of a failure, in characters: a table's cell.
const TITLE_CHARS_MAX: usize = 160;

/// The quantile of the normal distribution for a one-sided bound at 95 %.
const Z_95: f64 = 1.645;

/// What running again showed of one failure on one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It was gone: the same commit is red and green.
    Gone,
    /// It was there again.
    Again,
}

impl Shown {
    /// The name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Again => "again",
        }
    }
}

/// One failure whose commit ran again unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The failure.
    pub fingerprint: Fingerprint,
    /// The test, where it is one.
    pub test: Option<String>,
    /// What people know it by: tool and message, bounded.
    pub title: String,
    /// What running again showed.
    pub shown: Shown,
}

impl Trial {
    /// The trial that ran again on a failure.
    pub fn of(failure: &Failure, shown: Shown) -> Self {
        let cut = |text: &str| text.chars().take(TITLE_CHARS_MAX).collect::<String>();
        let tool = failure.tool.as_deref().map(|tool| format!("{tool}: ")).unwrap_or_default();
        let line = failure.message.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        Self {
            fingerprint: failure.fingerprint(),
            test: failure.test.as_deref().map(cut),
            title: cut(&format!("{tool}{}", line.trim())),
            shown,
        }
    }
}

/// How a commit came out that ran again unchanged.
#[derive(Debug, Clone, Copy)]
pub enum After<'a> {
    /// All of it is green.
    Green,
    /// It is red, of these runs and with these failures.
    Red(&'a Evidence),
}

/// What running a commit again has shown of the failures that were read of it before.
///
/// Only of runs that did run again, and not of what machines or servers did, of what nobody
/// understood, or of what came with the base branch: of those a green run says nothing.
pub fn trials(before: &Evidence, after: After<'_>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (index, failure) in before.failures.iter().enumerate() {
        let cause = before.judgement.causes.get(index).map(|judged| judged.cause);
        if !is_told_apart(failure.counts_as()) || cause == Some(Cause::Base) {
            continue;
        }
        let shown = match after {
            After::Green => Shown::Gone,
            After::Red(evidence) if !ran_again(failure, before, evidence) => continue,
            After::Red(evidence) => {
                let fingerprint = failure.fingerprint();
                let same = |other: &Failure| other.fingerprint() == fingerprint;
                if evidence.failures.iter().any(same) { Shown::Again } else { Shown::Gone }
            }
        };
        trials.push(Trial::of(failure, shown));
    }
    // The same failure on several lines is one.
    let mut seen: Vec<Fingerprint> = Vec::new();
    trials.retain(|trial| {
        let is_new = !seen.contains(&trial.fingerprint);
        seen.push(trial.fingerprint.clone());
        is_new
    });
    trials
}

/// Whether the run that a failure was read of is another one now.
fn ran_again(failure: &Failure, before: &Evidence, after: &Evidence) -> bool {
    let is_of = |run: &&CiRun| {
        let name = format!("{} / ", run.name());
        failure.source.jobs.iter().any(|job| job.starts_with(&name))
    };
    let mut runs = before.runs.iter().filter(is_of).peekable();
    runs.peek().is_some() && runs.all(|run| !after.runs.contains(run))
}

/// Whether a green run after it says that it comes and goes.
const fn is_told_apart(kind: FailureKind) -> bool {
    !kind.is_of_machines() && !matches!(kind, FailureKind::Config | FailureKind::Unknown)
}

/// What trials showed of one failure in one repository, over all its branches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// The failure.
    pub fingerprint: Fingerprint,
    /// The test, where it is one.
    pub test: Option<String>,
    /// What people know it by.
    pub title: String,
    /// Trials in which it was gone.
    pub gone: u32,
    /// Trials in which it was there again.
    pub again: u32,
    /// When the last trial was.
    pub last: Timestamp,
}

impl Past {
    /// Trials of it.
    pub const fn trials(&self) -> u32 {
        self.gone.saturating_add(self.again)
    }

    /// The least share of trials in which it is gone that 95 % certainty allows.
    pub fn bound(&self) -> f64 {
        lower_bound(self.gone, self.trials())
    }

    /// Whether running again turns it green more often than not, with that certainty.
    pub fn is_flaky(&self) -> bool {
        self.bound() > 0.5
    }
}

/// The one-sided lower bound of Wilson's score interval at 95 % for a share of `hits` in `trials`.
///
/// It is honest for few trials, where the plain share is not: one of one says little.
/// <https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval>
pub fn lower_bound(hits: u32, trials: u32) -> f64 {
    if trials == 0 {
        return 0.0;
    }
    let n = f64::from(trials);
    let share = f64::from(hits.min(trials)) / n;
    let z2 = Z_95 * Z_95;
    let centre = share + z2 / (2.0 * n);
    let spread = Z_95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    ((centre - spread) / (1.0 + z2 / n)).max(0.0)
}

/// How often a failing command is run to prove a fix of a failure with that past.
///
/// As often as it takes for luck to be one in twenty: a failure that is gone in half of its runs is
/// gone five times in a row by luck three times in a hundred.
pub fn runs_to_prove(past: Option<&Past>) -> u8 {
    let Some(past) = past.filter(|past| past.gone > 0) else { return RUNS_USUAL };
    // The share is estimated with one success and one failure more than was seen, so that it is
    // never certain.
    let luck = f64::from(past.gone + 1) / f64::from(past.trials() + 2);
    (1..RUNS_MAX).find(|runs| luck.powi(i32::from(*runs)) <= 0.05).unwrap_or(RUNS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cause::Judged;
    use crate::domain::ids::{RunId, Sha};

    fn past(gone: u32, again: u32) -> Past {
        let fingerprint = Failure::new(FailureKind::TestFailure, "x").fingerprint();
        let last = Timestamp::from_millis(0);
        Past { fingerprint, test: None, title: String::new(), gone, again, last }
    }

    #[track_caller]
    fn check(gone: u32, again: u32, is_flaky: bool) {
        let past = past(gone, again);
        assert_eq!(past.is_flaky(), is_flaky, "{gone} gone, {again} again: {}", past.bound());
    }

    #[test]
    fn few_trials_prove_nothing_and_one_that_failed_again_wants_more_of_the_others() {
        check(0, 0, false);
        check(1, 0, false);
        check(2, 0, false);
        check(3, 0, true);
        check(3, 1, false);
        check(5, 1, false);
        check(6, 1, true);
        check(10, 5, false);
        check(12, 5, true);
        check(0, 9, false);
    }

    #[test]
    fn the_bound_is_the_one_of_the_tables() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 0.001, "{a} {b}");
        near(lower_bound(0, 0), 0.0);
        near(lower_bound(0, 10), 0.0);
        near(lower_bound(10, 10), 0.787);
        near(lower_bound(5, 10), 0.269);
        near(lower_bound(90, 100), 0.840);
    }

    #[test]
    fn the_more_often_luck_helped_the_more_often_a_fix_is_run() {
        assert_eq!(runs_to_prove(None), 1);
        assert_eq!(runs_to_prove(Some(&past(0, 4))), 1);
        assert_eq!(runs_to_prove(Some(&past(1, 3))), 3);
        assert_eq!(runs_to_prove(Some(&past(2, 2))), 5);
        assert_eq!(runs_to_prove(Some(&past(20, 0))), RUNS_MAX);
    }

    #[test]
    fn a_trial_keeps_what_people_know_the_failure_by() {
        let mut failure = Failure::new(FailureKind::TestFailure, "\n  timed out\nmore");
        failure.tool = Some("jest".into());
        failure.test = Some("t".repeat(500));
        let trial = Trial::of(&failure, Shown::Gone);
        assert_eq!(trial.title, "jest: timed out");
        assert_eq!(trial.test.unwrap().chars().count(), TITLE_CHARS_MAX);
        assert_eq!(trial.fingerprint, failure.fingerprint());
    }

    fn failed(kind: FailureKind, message: &str, workflow: &str) -> Failure {
        let mut failure = Failure::new(kind, message);
        failure.source.jobs = vec![format!("{workflow} / test")];
        failure
    }

    fn run(name: &str, attempt: u32) -> CiRun {
        CiRun::Workflow { run: RunId::new(7), attempt, name: name.to_owned() }
    }

    fn evidence(runs: Vec<CiRun>, failures: Vec<Failure>) -> Evidence {
        Evidence {
            head: Sha::parse(&"a".repeat(40)).unwrap(),
            runs,
            failures,
            excerpt: String::new(),
            commands: Vec::new(),
            green_commands: Vec::new(),
            sources: Vec::new(),
            notes: Vec::new(),
            changed_files: Vec::new(),
            judgement: super::super::cause::Judgement::default(),
        }
    }

    #[track_caller]
    fn tried(before: &Evidence, after: After<'_>, expected: &[(&str, Shown)]) {
        let trials = trials(before, after);
        let found: Vec<_> = trials.iter().map(|t| (t.title.as_str(), t.shown)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_commit_that_runs_again_tells_of_each_failure_whether_it_comes_and_goes() {
        let test =
            |message: &str, workflow: &str| failed(FailureKind::TestFailure, message, workflow);
        let before =
            evidence(vec![run("ci", 1), run("e2e", 1)], vec![test("a", "ci"), test("b", "e2e")]);
        tried(&before, After::Green, &[("a", Shown::Gone), ("b", Shown::Gone)]);
        let after = evidence(vec![run("ci", 2)], vec![test("a", "ci")]);
        tried(&before, After::Red(&after), &[("a", Shown::Again), ("b", Shown::Gone)]);
        let after =
            evidence(vec![run("ci", 2), run("e2e", 1)], vec![test("c", "ci"), test("b", "e2e")]);
        tried(&before, After::Red(&after), &[("a", Shown::Gone)]);
        let nameless = evidence(vec![run("ci", 1)], vec![Failure::new(FailureKind::Lint, "x")]);
        tried(&nameless, After::Red(&after), &[]);
    }

    #[test]
    fn a_green_run_says_nothing_of_machines_of_the_base_and_of_what_nobody_understood() {
        for kind in [FailureKind::Infrastructure, FailureKind::Timeout, FailureKind::Unknown] {
            tried(&evidence(vec![run("ci", 1)], vec![failed(kind, "a", "ci")]), After::Green, &[]);
        }
        let mut of_base =
            evidence(vec![run("ci", 1)], vec![failed(FailureKind::TestFailure, "a", "ci")]);
        of_base.judgement.causes = vec![Judged { cause: Cause::Base, why: String::new() }];
        tried(&of_base, After::Green, &[]);
        let twice = failed(FailureKind::Lint, "a", "ci");
        let twice = evidence(vec![run("ci", 1)], vec![twice.clone(), twice]);
        tried(&twice, After::Green, &[("a", Shown::Gone)]);
    }
}
