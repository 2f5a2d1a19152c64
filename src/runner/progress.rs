//! How far an attempt is, and what comes next: pure, so that any machine goes on where another stopped.
//!
//! Everything here can be rebuilt from a [`Resume`]: the documents of the finished stages and the
//! change so far. [`Progress::next`] is the only place that says which stage follows which.

mod verdicts;

use super::fixers::Fixer;
use super::sandbox::WORKSPACE;
use super::seen::Seen;
use crate::documents::{
    AssumptionAnalysis, BadDocument, CoverageNote, Front, HindranceNote, State, TriagePlan,
    TurnNote, ValidationStrategy, VerificationResults, read, runs,
};
use crate::domain::brief::{Brief, Resume};
use crate::domain::checkpoint::Checkpoint;
use crate::domain::document::{Document, LAST_ROUND, ROUNDS_MAX, Stage};
use crate::domain::failure::{FAILURES_MAX, Failure};
use crate::domain::feedback::times_answered;
use crate::domain::ids::AttemptId;
use crate::domain::outcome::{Analysis, CommandRun, Ended, GaveUp, Outcome, Proof};
use crate::domain::patch::Patch;
use crate::domain::proof::TestChange;
use crate::domain::remedy::remedy_of;
use crate::evidence::{self, Hints};

/// How far an attempt is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// The last finished stage and its round.
    pub finished: Option<(Stage, u8)>,
    /// What triage found.
    pub plan: Option<TriagePlan>,
    /// What triage saw of the commands at the head; empty on a machine that goes on from documents,
    /// which have no lists of tests.
    pub seen_before: Vec<Seen>,
    /// Every fixer's turn so far.
    pub turns: Vec<TurnNote>,
    /// How the current round is proven.
    pub strategy: Option<ValidationStrategy>,
    /// What the last proof showed.
    pub results: Option<VerificationResults>,
    /// What a second look found, when there was one.
    pub analysis: Option<AssumptionAnalysis>,
    /// The change so far.
    pub patch: Patch,
    /// How far a fixer was in the stage that comes next, when its machine was lost in it.
    pub interrupted: Option<Checkpoint>,
    /// Which model's provider the stage just done has to wait for, when it asked one and got nothing.
    pub waits: Option<String>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A stage, in a round.
    Stage(Stage, u8),
    /// The end.
    End(Box<Outcome>),
}

/// Who is left when a round was red.
#[derive(Clone, Copy, Default)]
pub struct Left<'f> {
    /// Who can work in one more round.
    pub fixer: Option<&'f dyn Fixer>,
    /// Who can take a second look.
    pub advisor: Option<&'f dyn Fixer>,
}

impl std::fmt::Debug for Left<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = |fixer: Option<&dyn Fixer>| fixer.map(Fixer::id);
        let (fixer, advisor) = (id(self.fixer), id(self.advisor));
        f.debug_struct("Left").field("fixer", &fixer).field("advisor", &advisor).finish()
    }
}

impl Progress {
    /// Where an earlier run of the same attempt stopped.
    ///
    /// # Errors
    /// [`BadDocument`] when a finished stage's document is missing or not of its schema.
    pub fn resumed(brief: &Brief, resume: &Resume) -> Result<Self, BadDocument> {
        let (stage, round) = (resume.stage, resume.round);
        let documents = &resume.documents;
        let from = |wanted: Stage| if stage >= wanted { Some(round) } else { round.checked_sub(1) };
        let last = |wanted| from(wanted).filter(|round| *round > 0);
        let looked = stage == Stage::DevilsAdvocate || round > ROUNDS_MAX;
        let second_look = looked.then_some(ROUNDS_MAX);
        let plan: TriagePlan = read(documents, brief.attempt, 1)?;
        let state: Option<State> = optional(documents, brief, last(Stage::Execute))?;
        let mut progress = Self {
            finished: Some((stage, round)),
            plan: Some(plan),
            seen_before: Vec::new(),
            turns: state.map(|state| state.turns).unwrap_or_default(),
            strategy: optional(documents, brief, last(Stage::PreVerify))?,
            results: optional(documents, brief, last(Stage::Verify))?,
            analysis: optional(documents, brief, second_look)?,
            patch: resume.work_in_progress.clone(),
            interrupted: resume.checkpoint.clone(),
            waits: None,
        };
        progress.judge_turns();
        Ok(progress)
    }

    /// The commands at the head, without any change.
    pub fn before(&self) -> Vec<CommandRun> {
        self.plan.as_ref().map(|plan| runs(&plan.reproduced)).unwrap_or_default()
    }

    /// What the commands did last: in the last proof, else at the head.
    pub fn seen(&self) -> Vec<CommandRun> {
        match &self.results {
            Some(results) => runs(&results.runs),
            None => self.before(),
        }
    }

    /// What is known to be wrong: what CI said, and what the red commands said since.
    ///
    /// A command that stops at its first fault shows the next one only when that is gone.
    pub fn failures(&self, brief: &Brief) -> Vec<Failure> {
        let mut failures = brief.failures.clone();
        for run in self.seen().iter().filter(|run| !run.ended.is_green()) {
            let exit_code = match run.ended {
                Ended::Exit(code) => Some(code),
                Ended::Signal(_) | Ended::TimedOut | Ended::OverLimit | Ended::NotFound => None,
            };
            let workspace_roots = vec![WORKSPACE.to_owned()];
            let hints = Hints { workspace_roots, exit_code, ..Hints::default() };
            failures.extend(evidence::read(run.output_tail.as_bytes(), &hints).failures);
        }
        failures.truncate(FAILURES_MAX);
        failures
    }

    /// The remedy whose change is the last one, if it is one's.
    pub fn last_change_by_remedy(&self) -> Option<AttemptId> {
        let changed = |turn: &&TurnNote| !turn.changed.is_empty();
        remedy_of(&self.turns.iter().rev().find(changed)?.fixer)
    }

    /// Remedies that the stage just finished has shown to be in vain.
    pub fn remedies_in_vain(&self) -> Vec<AttemptId> {
        match self.finished {
            Some((Stage::Execute, round)) => {
                let turns = self.turns.iter().filter(|turn| turn.round == round && turn.in_vain);
                turns.filter_map(|turn| remedy_of(&turn.fixer)).collect()
            }
            Some((Stage::Verify, _)) if self.results.as_ref().is_some_and(|it| !it.proven) => {
                self.last_change_by_remedy().into_iter().collect()
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// Whether there was nobody but remedies, and none of them applied.
    fn had_nobody(&self) -> bool {
        let is_idle_remedy =
            |turn: &TurnNote| turn.changed.is_empty() && remedy_of(&turn.fixer).is_some();
        !self.turns.is_empty() && self.turns.iter().all(is_idle_remedy)
    }

    /// What a second look found, for the fixer of the round after it.
    pub fn advice(&self) -> String {
        let found = self.analysis.as_ref().and_then(|document| document.analysis.as_ref());
        found.map_or_else(String::new, |found| {
            format!(
                "What does not hold: {}\nWhat shows it: {}\nWhat to do instead: {}\n",
                found.wrong_assumption,
                found.evidence.join("; "),
                found.recommended_fix
            )
        })
    }

    /// What comes next; `left` is who could do it.
    pub fn next(&self, brief: &Brief, left: Left<'_>) -> Next {
        match self.finished {
            None => Next::Stage(Stage::Triage, 1),
            Some((Stage::Triage, _)) => match self.after_triage(brief) {
                Some(end) => Next::End(Box::new(end)),
                None if self.triage_asks() => Next::Stage(Stage::Triage, 1),
                None => Next::Stage(Stage::Execute, 1),
            },
            Some((Stage::Execute, round)) => self.after_execute(brief, round),
            Some((Stage::PreVerify, round)) => Next::Stage(Stage::Verify, round),
            Some((Stage::Verify, round)) => match self.proposed(brief) {
                Some(proposed) => Next::End(Box::new(proposed)),
                None if round < ROUNDS_MAX && left.fixer.is_some() => {
                    Next::Stage(Stage::Execute, round + 1)
                }
                None if round == ROUNDS_MAX && left.fixer.is_some() && left.advisor.is_some() => {
                    Next::Stage(Stage::DevilsAdvocate, round)
                }
                None => self.ended_red(),
            },
            Some((Stage::DevilsAdvocate, _)) => {
                if self.advice().is_empty() || left.fixer.is_none() {
                    self.ended_red()
                } else {
                    Next::Stage(Stage::Execute, LAST_ROUND)
                }
            }
        }
    }

    fn after_execute(&self, brief: &Brief, round: u8) -> Next {
        if let Some(turn) = self.asks() {
            if self.is_answered(brief) {
                return Next::Stage(Stage::Execute, round);
            }
            let (questions, note) = (turn.questions.clone(), turn.fixer.clone());
            return Next::End(Box::new(Outcome::Asks { questions, note, time: 0, waited: 0 }));
        }
        let changed = |turn: &TurnNote| turn.round == round && !turn.changed.is_empty();
        if self.turns.iter().any(changed) {
            Next::Stage(Stage::PreVerify, round)
        } else {
            self.ended_red()
        }
    }

    /// The last turn, if it ended with questions to people.
    pub fn asks(&self) -> Option<&TurnNote> {
        self.turns.last().filter(|turn| !turn.questions.is_empty())
    }

    /// Whether people have answered as often as they were asked since the plan was made.
    fn is_answered(&self, brief: &Brief) -> bool {
        let asked = self.turns.iter().filter(|turn| !turn.questions.is_empty()).count();
        let asked = asked + usize::from(self.triage_asks());
        let before = self.plan.as_ref().map_or(0, |plan| plan.answered);
        usize::from(times_answered(&brief.feedback).saturating_sub(before)) >= asked
    }

    /// Whether people have to say something before anybody can work.
    fn triage_asks(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| !plan.questions.is_empty())
    }

    /// The end that triage itself found, if any.
    fn after_triage(&self, brief: &Brief) -> Option<Outcome> {
        let plan = self.plan.as_ref()?;
        if self.triage_asks() {
            let (questions, note) = (plan.questions.clone(), "triage".to_owned());
            let asks = Outcome::Asks { questions, note, time: 0, waited: 0 };
            return (!self.is_answered(brief)).then_some(asks);
        }
        let runs = self.before();
        let gave_up = |why, note: &str| {
            let (note, runs) = (note.to_owned(), runs.clone());
            Some(Outcome::GaveUp { why, note, runs, analysis: None })
        };
        if !runs.is_empty() && runs.iter().all(|run| run.ended.is_green()) {
            return Some(Outcome::NotReproduced { runs });
        }
        if plan.candidates.is_empty() {
            return gave_up(
                GaveUp::NoFixerAnswers,
                "no recipe answers failures like these, and the policy names no other fixer",
            );
        }
        if runs.is_empty() {
            return gave_up(
                GaveUp::NothingToProveWith,
                "neither the logs nor the policy name a command that could prove a fix",
            );
        }
        if let Some(missing) = runs.iter().find(|run| run.ended.is_missing_tool()) {
            let note = format!("`{}` cannot be run here: a tool is missing", missing.command);
            return gave_up(GaveUp::ToolMissing, &note);
        }
        None
    }

    /// The patch with its proof, when there is one.
    fn proposed(&self, brief: &Brief) -> Option<Outcome> {
        let results = self.results.as_ref().filter(|results| results.proven)?;
        let proof = Proof {
            head: brief.head.clone(),
            patch_digest: self.patch.digest(),
            before: self.before(),
            after: runs(&results.runs),
            set_aside: runs(&results.set_aside),
            tests: results.tests.iter().map(TestChange::from).collect(),
            coverage: results.coverage.iter().filter_map(CoverageNote::change).collect(),
        };
        if results.patch_digest != proof.patch_digest || !proof.is_red_to_green() {
            return None;
        }
        // Whatever is in the patch was made by the turns that changed something, the last one last.
        let worked = self.turns.iter().rev().find(|turn| !turn.changed.is_empty())?;
        Some(Outcome::Proposed {
            patch: self.patch.clone(),
            proof: Box::new(proof),
            fixer: worked.fixer.clone(),
            summary: worked.summary.clone(),
        })
    }

    fn ended_red(&self) -> Next {
        let seen = self.results.as_ref().map(|results| runs(&results.runs)).unwrap_or_default();
        let is_missing = |run: &CommandRun| run.ended.is_missing_tool();
        let is_beyond = |run: &CommandRun| matches!(run.ended, Ended::TimedOut | Ended::OverLimit);
        let why = if seen.iter().any(is_missing) {
            GaveUp::ToolMissing
        } else if seen.iter().any(is_beyond) {
            GaveUp::OverLimit
        } else if !seen.is_empty() {
            GaveUp::StillRed
        } else if self.had_nobody() {
            GaveUp::NoFixerAnswers
        } else if self.all_hindered_by(HindranceNote::Budget) {
            GaveUp::BudgetSpent
        } else if self.all_hindered_by(HindranceNote::ToolMissing) {
            GaveUp::ToolMissing
        } else if self.all_hindered_by(HindranceNote::Unavailable) {
            GaveUp::FixerUnavailable
        } else {
            GaveUp::NothingChanged
        };
        let found = self.analysis.as_ref().and_then(|document| document.analysis.as_ref());
        let analysis = found.map(Analysis::from);
        Next::End(Box::new(Outcome::GaveUp { why, note: self.note(), runs: seen, analysis }))
    }

    /// The end of a stage that could not be done because a provider is down or busy: not an end of the
    /// attempt, which goes on where it was. A round in which somebody changed something is done.
    pub fn waits_for_a_model(&self) -> Option<Outcome> {
        let waits = |note: String| {
            let (why, runs) = (GaveUp::ModelUnavailable, self.seen());
            Some(Outcome::GaveUp { why, note, runs, analysis: None })
        };
        if let Some(note) = &self.waits {
            return waits(note.clone());
        }
        let Some((Stage::Execute, round)) = self.finished else { return None };
        let mut turns = self.turns.iter().filter(|turn| turn.round == round);
        let hindered = turns.clone().find(|t| t.hindrance == Some(HindranceNote::Provider))?;
        if turns.any(|turn| !turn.changed.is_empty()) {
            return None;
        }
        waits(format!("{}: {}", hindered.fixer, hindered.summary))
    }

    /// Whether that is why a fixer did nothing, and no fixer did anything.
    fn all_hindered_by(&self, hindrance: HindranceNote) -> bool {
        let is_hindered = |turn: &TurnNote| turn.hindrance == Some(hindrance);
        // That a remedy does not apply says nothing of those who were asked after it.
        let mut asked = self.turns.iter().filter(|turn| remedy_of(&turn.fixer).is_none());
        self.turns.iter().any(is_hindered) && asked.all(|turn| turn.hindrance.is_some())
    }

    /// What was tried, a line for each turn.
    fn note(&self) -> String {
        let line = |turn: &TurnNote| {
            let what = match (turn.changed.as_slice(), turn.hindrance) {
                ([], Some(_)) => format!("could not work: {}", turn.summary),
                ([], None) if turn.model.is_some() || turn.in_vain => {
                    format!("changed nothing: {}", turn.summary)
                }
                ([], None) => "changed nothing".to_owned(),
                (changed, _) => format!("changed {} files", changed.len()),
            };
            format!("round {}: {} {what}", turn.round, turn.fixer)
        };
        self.turns.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

fn optional<T: Front>(
    documents: &[Document],
    brief: &Brief,
    round: Option<u8>,
) -> Result<Option<T>, BadDocument> {
    round.map(|round| read(documents, brief.attempt, round)).transpose()
}
