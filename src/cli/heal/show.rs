//! What `selfheal heal` prints: the difference and why, for people or as one JSON object.

use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::{code_of, ended};
use crate::domain::failure::Failure;
use crate::domain::gate::{Answer, Verdict};
use crate::domain::outcome::{Analysis, CommandRun, Outcome};
use crate::domain::patch::Patch;
use crate::domain::pull::BaseFile;
use crate::report;
use crate::runner::exit;

/// How it came out.
pub(super) struct Ending {
    green: Option<CommandRun>,
    failures: Vec<Failure>,
    outcome: Option<Outcome>,
    base: Vec<BaseFile>,
    verdict: Option<Verdict>,
    /// Whether the working tree has the fix.
    pub(super) is_applied: bool,
    /// Whether no coding agent was among the fixers.
    pub(super) had_only_recipes: bool,
}

impl Ending {
    /// The command was green: nothing to heal.
    pub(super) fn green(run: CommandRun) -> Self {
        Self { green: Some(run), ..Self::red(Vec::new(), None) }
    }

    /// There is no patch.
    pub(super) fn red(failures: Vec<Failure>, outcome: impl Into<Option<Outcome>>) -> Self {
        Self {
            green: None,
            failures,
            outcome: outcome.into(),
            base: Vec::new(),
            verdict: None,
            is_applied: false,
            had_only_recipes: false,
        }
    }

    /// There is a patch, and the gate has judged it.
    pub(super) fn judged(
        failures: Vec<Failure>,
        outcome: Outcome,
        base: Vec<BaseFile>,
        verdict: Verdict,
    ) -> Self {
        Self { base, verdict: Some(verdict), ..Self::red(failures, outcome) }
    }

    fn answer(&self) -> Option<Answer> {
        self.verdict.as_ref().map(Verdict::answer)
    }

    /// Whether there is a fix that the person who asked for it may have: what waits for a person's
    /// word has it by `--apply`.
    pub(super) fn may_be_applied(&self) -> bool {
        matches!(self.answer(), Some(Answer::Allow | Answer::Hold))
    }

    /// The fix; empty when there is none.
    pub(super) fn patch(&self) -> &Patch {
        static NONE: std::sync::LazyLock<Patch> = std::sync::LazyLock::new(Patch::default);
        self.outcome.as_ref().and_then(Outcome::patch).unwrap_or(&NONE)
    }

    pub(super) fn exit_code(&self) -> u8 {
        if self.green.is_some() { exit::FINE } else { code_of(self.answer()) }
    }

    /// The fix as a unified diff.
    fn diff(&self) -> String {
        report::unified(self.patch(), &self.base)
    }
}

/// What to do where no recipe helped.
const AGENT_HINT: &str = "\nNo recipe fixes this; a coding agent may try: --fixer claude-code, \
                          codex, opencode, gemini-cli or aider (docs/fixers.md).";

/// Prints for people.
pub(super) fn human(ending: &Ending) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let is_terminal = out.is_terminal();
    let paint = |color: AnsiColor, text: &str| {
        if is_terminal {
            let style = Style::new().fg_color(Some(color.into()));
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    };
    match (&ending.green, &ending.outcome) {
        (Some(run), _) => {
            writeln!(out, "Nothing to heal: `{}` is {}.", harmless(&run.command), ended(run))?;
        }
        (None, Some(Outcome::Proposed { fixer, summary, proof, .. })) => {
            let headline = paint(AnsiColor::Green, &format!("Healed by {fixer}."));
            writeln!(out, "{headline} {}\n", harmless(summary))?;
            failures(&mut out, &ending.failures)?;
            runs(&mut out, "Before", &proof.before)?;
            runs(&mut out, "After", &proof.after)?;
            writeln!(out)?;
            for line in ending.diff().lines() {
                let color = match line.as_bytes().first() {
                    Some(b'+') => AnsiColor::Green,
                    Some(b'-') => AnsiColor::Red,
                    Some(b'@') => AnsiColor::Cyan,
                    Some(_) | None => AnsiColor::White,
                };
                writeln!(out, "{}", paint(color, &harmless(line)))?;
            }
            verdict(&mut out, ending)?;
        }
        (None, Some(Outcome::GaveUp { why, note, runs: last, analysis })) => {
            let headline = format!("Not healed ({}).", why.as_str().replace('_', " "));
            writeln!(out, "{} {}\n", paint(AnsiColor::Red, &headline), harmless(note))?;
            failures(&mut out, &ending.failures)?;
            runs(&mut out, "Last", last)?;
            if let Some(analysis) = analysis {
                second_look(&mut out, analysis)?;
            }
            if ending.had_only_recipes {
                writeln!(out, "{AGENT_HINT}")?;
            }
        }
        (None, Some(Outcome::Waits { note, .. })) => {
            writeln!(out, "Not healed, its model cannot be reached: {}", harmless(note))?;
        }
        (None, Some(Outcome::Asks { questions, .. })) => {
            writeln!(out, "Not healed, it asks:")?;
            for question in questions {
                writeln!(out, "- {}", harmless(question))?;
            }
        }
        (None, Some(Outcome::NotReproduced { runs: last })) => {
            writeln!(out, "Not healed: it was red once and is green now.")?;
            runs(&mut out, "Last", last)?;
        }
        (None, None) => {}
    }
    Ok(())
}

/// What a second look found.
fn second_look(out: &mut impl io::Write, analysis: &Analysis) -> io::Result<()> {
    writeln!(out, "\nWhat does not hold: {}", harmless(&analysis.wrong_assumption))?;
    for shown in &analysis.evidence {
        writeln!(out, "  shown by: {}", harmless(shown))?;
    }
    for disproved in &analysis.disproved {
        writeln!(out, "  nor is it: {}", harmless(disproved))?;
    }
    writeln!(out, "Recommended: {}", harmless(&analysis.recommended_fix))?;
    writeln!(out, "Question: {}", harmless(&analysis.question))
}

/// How many failures are listed; the first is the root cause.
const FAILURES_SHOWN_MAX: usize = 10;

fn failures(out: &mut impl io::Write, failures: &[Failure]) -> io::Result<()> {
    for failure in failures.iter().take(FAILURES_SHOWN_MAX) {
        let first = failure.message.lines().next().unwrap_or_default();
        let place = match (&failure.file, failure.line) {
            (Some(file), Some(line)) => format!(" {file}:{line}"),
            (Some(file), None) => format!(" {file}"),
            (None, _) => String::new(),
        };
        writeln!(out, "Why: {}{place}: {}", failure.kind.as_str(), harmless(first))?;
    }
    Ok(())
}

fn runs(out: &mut impl io::Write, when: &str, runs: &[CommandRun]) -> io::Result<()> {
    for run in runs {
        writeln!(out, "{when}: `{}` {}", harmless(&run.command), ended(run))?;
    }
    Ok(())
}

fn verdict(out: &mut impl io::Write, ending: &Ending) -> io::Result<()> {
    let Some(verdict) = &ending.verdict else { return Ok(()) };
    for finding in verdict.findings() {
        writeln!(out, "Gate, {}: {}", finding.weight.as_str(), harmless(&finding.message))?;
    }
    let last = match (verdict.answer(), ending.is_applied) {
        (Answer::Refuse, _) => "The gate refuses this change; it was not applied.",
        (Answer::Allow | Answer::Hold, true) => "Applied to the working tree.",
        (Answer::Allow, false) => "Not applied; `--apply` does it.",
        (Answer::Hold, false) => {
            "On a pull request this would wait for a person; `--apply` is yours."
        }
    };
    writeln!(out, "{last}")
}

/// A stranger's text without what could steer a terminal.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// Prints one JSON object.
pub(super) fn json(ending: &Ending) -> io::Result<()> {
    let mut value = json!({
        "green": ending.green.is_some(),
        "healed": ending.may_be_applied(),
        "applied": ending.is_applied,
        "failures": ending.failures,
        "diff": ending.diff(),
        "verdict": ending.answer().map(Answer::as_str),
        "findings": ending.verdict.iter().flat_map(Verdict::findings).map(finding).collect::<Vec<_>>(),
    });
    let details = match &ending.outcome {
        Some(Outcome::Proposed { fixer, summary, proof, .. }) => {
            json!({
                "fixer": fixer,
                "summary": summary,
                "before": proof.before,
                "after": proof.after,
                "tests": proof.tests,
                "coverage": proof.coverage,
            })
        }
        Some(Outcome::GaveUp { why, note, runs, analysis }) => {
            json!({ "why": why.as_str(), "note": note, "runs": runs, "analysis": analysis })
        }
        Some(Outcome::Waits { note, .. }) => json!({ "why": "waits", "note": note }),
        Some(Outcome::Asks { questions, .. }) => json!({ "why": "asks", "questions": questions }),
        Some(Outcome::NotReproduced { runs }) => json!({ "why": "not_reproduced", "runs": runs }),
        None => json!({ "runs": ending.green.iter().collect::<Vec<_>>() }),
    };
    if let (Value::Object(value), Value::Object(details)) = (&mut value, details) {
        value.extend(details);
    }
    writeln!(io::stdout().lock(), "{value}")
}

fn finding(finding: &crate::domain::gate::Finding) -> Value {
    json!({
        "rule": finding.rule,
        "severity": finding.weight.as_str(),
        "file": finding.file.as_ref().map(ToString::to_string),
        "line": finding.line,
        "message": finding.message,
    })
}
