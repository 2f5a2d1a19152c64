//! Outcomes: what a runner reports back, and the proof that goes with a patch.
//!
//! A runner is not trusted. An outcome is a claim; the gate judges the patch, the server re-checks
//! the head, and CI has the last word. These types travel between runner and server and are stored,
//! hence their serde forms.

use serde::{Deserialize, Serialize};

use super::feedback::ASKS_MAX;
use super::ids::{Sha, Timestamp};
use super::patch::Patch;
use super::proof::{CoverageChange, TestChange};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It exited with this code.
    Exit(i32),
    /// It was killed by this signal.
    Signal(i32),
    /// It ran longer than it may and was killed.
    TimedOut,
    /// It used more memory, processes or output than it may and was killed.
    OverLimit,
    /// It could not be started: the program is not installed.
    NotFound,
}

impl Ended {
    /// Whether it succeeded.
    pub const fn is_green(self) -> bool {
        matches!(self, Self::Exit(0))
    }

    /// Whether nothing can be concluded, because the tool was not there to run.
    ///
    /// Shells answer 127 for an unknown command and 126 for one that cannot be executed.
    pub const fn is_missing_tool(self) -> bool {
        matches!(self, Self::NotFound | Self::Exit(126 | 127))
    }
}

/// One command that was run, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRun {
    /// The command, as given to the shell.
    pub command: String,
    /// How it ended.
    pub ended: Ended,
    /// How long it ran, in milliseconds.
    pub duration_ms: u64,
    /// The end of its output, redacted; at most [`OUTPUT_TAIL_BYTES_MAX`] bytes.
    pub output_tail: String,
}

/// How much output of a command is reported: the end, where the verdict stands.
pub const OUTPUT_TAIL_BYTES_MAX: usize = 8 * 1024;

/// What shows that a patch turns red into green.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The commit that both checkouts started from.
    pub head: Sha,
    /// The digest of the patch that was applied in the second one ([`Patch::digest`]).
    pub patch_digest: String,
    /// The failing commands at `head`, without the patch.
    pub before: Vec<CommandRun>,
    /// The same commands and the configured ones, in a fresh checkout with the patch; a command that
    /// was run several times, each in a checkout of its own, is here as often.
    pub after: Vec<CommandRun>,
    /// Commands that were green in CI and are not here, with the patch and without it: they show
    /// nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<CommandRun>,
    /// Which tests ran without the patch and with it, as far as test runners say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestChange>,
    /// How the coverage of the files that the patch touches changed, where reports say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<CoverageChange>,
}

impl Proof {
    /// Whether at least one command was red before, and every command is green after.
    pub fn is_red_to_green(&self) -> bool {
        let red_before = self.before.iter().any(|run| is_red(run.ended));
        let all_after = !self.after.is_empty() && self.after.iter().all(|run| run.ended.is_green());
        let red_ones_run_again = self
            .before
            .iter()
            .filter(|run| is_red(run.ended))
            .all(|run| self.after.iter().any(|again| again.command == run.command));
        red_before && all_after && red_ones_run_again
    }

    /// How often the command that was red and ran least often was green with the patch.
    pub fn green_runs(&self) -> usize {
        let green = |red: &CommandRun| {
            let again = |run: &&CommandRun| run.command == red.command && run.ended.is_green();
            self.after.iter().filter(again).count()
        };
        self.before.iter().filter(|run| is_red(run.ended)).map(green).min().unwrap_or(0)
    }
}

fn is_red(ended: Ended) -> bool {
    !ended.is_green() && !ended.is_missing_tool()
}

/// Why a runner brings no patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GaveUp {
    /// No configured fixer answers failures like these.
    NoFixerAnswers,
    /// Fixers ran and changed nothing.
    NothingChanged,
    /// There was a change, but the commands stayed red.
    StillRed,
    /// There is no command to prove a fix with.
    NothingToProveWith,
    /// A tool that the proof needs is not installed on the runner.
    ToolMissing,
    /// No sandbox could be made, and the operator did not allow to work without.
    NoSandbox,
    /// A limit of time, memory, processes or output was reached.
    OverLimit,
    /// The checkout could not be prepared.
    NoWorkspace,
    /// No fixer that answers is set up: no key for its model, a model that nobody knows.
    FixerUnavailable,
    /// The provider of the agent's model is down or busy.
    ModelUnavailable,
    /// The budget for models is spent.
    BudgetSpent,
    /// A fixer asked people, and they did not answer in time.
    NoAnswer,
}

impl GaveUp {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::NoFixerAnswers,
        Self::NothingChanged,
        Self::StillRed,
        Self::NothingToProveWith,
        Self::ToolMissing,
        Self::NoSandbox,
        Self::OverLimit,
        Self::NoWorkspace,
        Self::FixerUnavailable,
        Self::ModelUnavailable,
        Self::BudgetSpent,
        Self::NoAnswer,
    ];

    /// The name in tables and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoFixerAnswers => "no_fixer_answers",
            Self::NothingChanged => "nothing_changed",
            Self::StillRed => "still_red",
            Self::NothingToProveWith => "nothing_to_prove_with",
            Self::ToolMissing => "tool_missing",
            Self::NoSandbox => "no_sandbox",
            Self::OverLimit => "over_limit",
            Self::NoWorkspace => "no_workspace",
            Self::FixerUnavailable => "fixer_unavailable",
            Self::ModelUnavailable => "model_unavailable",
            Self::BudgetSpent => "budget_spent",
            Self::NoAnswer => "no_answer",
        }
    }
}

/// What a second look at three red rounds found; an agent's words, bounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// What failed, in words.
    pub what_failed: String,
    /// What all repairs took for granted and is not so.
    pub wrong_assumption: String,
    /// What shows it.
    pub evidence: Vec<String>,
    /// Explanations that were tried and are not so either.
    pub disproved: Vec<String>,
    /// What to do instead.
    pub recommended_fix: String,
    /// What a person would have to answer.
    pub question: String,
}

/// How often a provider is waited for in one attempt: with the pauses below some five hours.
pub const WAITS_MAX: u8 = 6;

/// The first pause; each further one is twice as long.
const WAIT_MS: i64 = 5 * 60 * 1000;

impl Outcome {
    /// Who made the patch, where there is one.
    pub fn fixer(&self) -> Option<&str> {
        match self {
            Self::Proposed { fixer, .. } => Some(fixer),
            Self::GaveUp { .. }
            | Self::Waits { .. }
            | Self::Asks { .. }
            | Self::NotReproduced { .. } => None,
        }
    }

    /// The patch, where there is one.
    pub const fn patch(&self) -> Option<&Patch> {
        match self {
            Self::Proposed { patch, .. } => Some(patch),
            Self::GaveUp { .. }
            | Self::Waits { .. }
            | Self::Asks { .. }
            | Self::NotReproduced { .. } => None,
        }
    }

    /// What is kept of a report: a provider that is down is waited for, a few times ever longer, and
    /// people are asked, a few times.
    #[must_use]
    pub fn after(self, earlier: Option<&Self>, now: Timestamp) -> Self {
        let (waited, asked) = match earlier {
            Some(Self::Waits { tries, asked, .. }) => (*tries, *asked),
            Some(Self::Asks { waited, time, .. }) => (*waited, *time),
            Some(_) | None => (0, 0),
        };
        match self {
            Self::GaveUp { why: GaveUp::ModelUnavailable, note, .. } if waited < WAITS_MAX => {
                let until = now.plus_ms(WAIT_MS << waited);
                Self::Waits { note, tries: waited + 1, until, asked }
            }
            // Something was tried before the provider was gone: the next attempt may do better.
            Self::GaveUp { why: GaveUp::ModelUnavailable, note, runs, analysis }
                if !runs.is_empty() =>
            {
                Self::GaveUp { why: GaveUp::StillRed, note, runs, analysis }
            }
            // Only the server counts.
            Self::Asks { questions, note, .. } if asked < ASKS_MAX => {
                Self::Asks { questions, note, time: asked + 1, waited }
            }
            Self::Asks { questions, .. } => {
                let note = format!("it asked once more: {}", questions.join(" "));
                let (why, runs) = (GaveUp::NothingChanged, Vec::new());
                Self::GaveUp { why, note, runs, analysis: None }
            }
            // Only the server says how long it waits.
            Self::Waits { note, .. } => {
                let (why, runs) = (GaveUp::ModelUnavailable, Vec::new());
                Self::GaveUp { why, note, runs, analysis: None }.after(earlier, now)
            }
            end => end,
        }
    }
}

/// What a runner reports at the end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A patch with its proof.
    Proposed {
        /// What to change.
        patch: Patch,
        /// What shows that it works.
        proof: Box<Proof>,
        /// Which fixer made it: `recipe:rustfmt`, `command:my-agent`, ….
        fixer: String,
        /// One or two sentences about what was done, for people.
        summary: String,
    },
    /// No patch.
    GaveUp {
        /// Why not.
        why: GaveUp,
        /// What was tried and seen, for people and for the next attempt.
        note: String,
        /// Commands that were run on the way.
        runs: Vec<CommandRun>,
        /// What a second look found, where there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        analysis: Option<Analysis>,
    },
    /// No end: its model's provider is down or busy, and the attempt goes on where it was when that
    /// is over. The server makes this of a runner's [`GaveUp::ModelUnavailable`].
    Waits {
        /// What the provider said.
        note: String,
        /// How often it has been waited for in this attempt, this time included.
        tries: u8,
        /// When a runner is started again.
        until: Timestamp,
        /// How often people have been asked in this attempt.
        #[serde(default)]
        asked: u8,
    },
    /// No end: a fixer asks people, and the attempt goes on where it was when they have answered.
    Asks {
        /// The questions, in the order of their numbers; an agent's words, bounded.
        questions: Vec<String>,
        /// Who asks, and what was done so far, for people.
        note: String,
        /// How often people have been asked in this attempt, this time included; the server's count.
        #[serde(default)]
        time: u8,
        /// How often its provider has been waited for.
        #[serde(default)]
        waited: u8,
    },
    /// The failing commands are green at the very commit that CI calls red.
    NotReproduced {
        /// The commands that were run.
        runs: Vec<CommandRun>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str, ended: Ended) -> CommandRun {
        CommandRun { command: command.into(), ended, duration_ms: 1, output_tail: String::new() }
    }

    #[track_caller]
    fn proves(before: &[CommandRun], after: &[CommandRun], expected: bool) {
        let proof = Proof {
            head: Sha::parse(&"a".repeat(40)).unwrap(),
            patch_digest: String::new(),
            before: before.to_vec(),
            after: after.to_vec(),
            set_aside: Vec::new(),
            tests: Vec::new(),
            coverage: Vec::new(),
        };
        assert_eq!(proof.is_red_to_green(), expected);
    }

    #[test]
    fn a_provider_that_is_down_is_waited_for_ever_longer_and_not_for_ever() {
        let down = || Outcome::GaveUp {
            why: GaveUp::ModelUnavailable,
            note: "429".into(),
            runs: Vec::new(),
            analysis: None,
        };
        let now = Timestamp::from_millis(1_000_000);
        let (mut last, mut waited) = (None, Vec::new());
        while let waits @ Outcome::Waits { until, .. } = down().after(last.as_ref(), now) {
            waited.push(until.since_ms(now) / 60_000);
            last = Some(waits);
        }
        assert_eq!(waited, [5, 10, 20, 40, 80, 160]);
        assert_eq!(down().after(last.as_ref(), now), down());
        // Where something was tried before, another attempt may do better.
        let mut tried = down();
        if let Outcome::GaveUp { runs, .. } = &mut tried {
            runs.push(run("cargo test", Ended::Exit(1)));
        }
        let end = tried.after(last.as_ref(), now);
        assert!(matches!(
            end,
            Outcome::GaveUp { why: GaveUp::StillRed, runs, .. } if runs.len() == 1
        ));
        // How long is waited is not the runner's to say.
        let wished = now.plus_ms(i64::MAX / 4);
        let wish = Outcome::Waits { note: "x".into(), tries: 0, until: wished, asked: 0 };
        let kept = wish.after(None, now);
        assert!(matches!(kept, Outcome::Waits { until, .. } if until.since_ms(now) == WAIT_MS));
    }

    fn asks() -> Outcome {
        let (questions, note) = (vec!["why?".to_owned()], String::new());
        Outcome::Asks { questions, note, time: 0, waited: 0 }
    }

    #[test]
    fn people_are_asked_a_few_times_and_what_was_waited_is_not_forgotten() {
        let now = Timestamp::from_millis(0);
        let waits = Outcome::Waits { note: "x".into(), tries: 2, until: now, asked: 0 };
        let mut last = waits;
        for wanted in 1..=ASKS_MAX {
            last = asks().after(Some(&last), now);
            assert!(matches!(last, Outcome::Asks { time, waited: 2, .. } if time == wanted));
        }
        let end = asks().after(Some(&last), now);
        assert!(matches!(end, Outcome::GaveUp { why: GaveUp::NothingChanged, .. }), "{end:?}");
    }

    #[test]
    fn what_is_no_end_is_stored_as_its_statement_expects() {
        let until = Timestamp::from_millis(0);
        let waits = Outcome::Waits { note: "x".into(), tries: 1, until, asked: 0 };
        assert!(serde_json::to_string(&waits).unwrap().starts_with(r#"{"outcome":"waits""#));
        assert!(serde_json::to_string(&asks()).unwrap().starts_with(r#"{"outcome":"asks""#));
    }

    #[test]
    fn a_proof_is_red_before_and_green_after_for_the_same_commands() {
        let red = || run("test", Ended::Exit(1));
        let green = || run("test", Ended::Exit(0));
        proves(&[red()], &[green()], true);
        proves(&[red()], &[green(), run("lint", Ended::Exit(0))], true);
        proves(&[green()], &[green()], false);
        proves(&[red()], &[red()], false);
        proves(&[red()], &[], false);
        proves(&[], &[green()], false);
        proves(&[red()], &[run("other", Ended::Exit(0))], false);
        proves(&[red()], &[green(), run("lint", Ended::Exit(1))], false);
        proves(&[run("test", Ended::Exit(127))], &[green()], false);
        proves(&[run("test", Ended::TimedOut)], &[green()], true);
    }
}
