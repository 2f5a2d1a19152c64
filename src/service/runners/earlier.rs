//! What earlier attempts of a case tried and why they failed, for the next one's runner.
//!
//! All of it is stored already: what the forge and the gate said of an attempt, what its runner wrote
//! down stage by stage, and its change. Nothing here is read as more than text; each part is bounded.

use crate::domain::attempt::{AttemptRecord, AttemptState};
use crate::domain::brief::EarlierAttempt;
use crate::domain::document::{Document, DocumentName};
use crate::domain::outcome::{CommandRun, Outcome};
use crate::domain::patch::Patch;
use crate::ports::store::{RunnerView, StoreError};
use crate::service::Services;

/// How much of the text of one document is handed on: a turn has some hundred bytes of words and at
/// most 8 KB of a diff.
const TEXT_BYTES_MAX: usize = 24 * 1024;

/// How much of the output of one red command is handed on: the end.
const OUTPUT_BYTES_MAX: usize = 4 * 1024;

/// A change with more new content than that is not handed on; its turns name its files.
const PATCH_BYTES_MAX: usize = 512 * 1024;

/// The attempts before one, in order.
pub(super) async fn attempts(
    services: &Services,
    view: &RunnerView,
) -> Result<Vec<EarlierAttempt>, StoreError> {
    let mut attempts = Vec::with_capacity(view.earlier.len());
    for record in &view.earlier {
        let left = services.store.runner_view(record.attempt.id).await?;
        let (documents, work) =
            left.map(|it| (it.documents, it.work_in_progress)).unwrap_or_default();
        attempts.push(attempt(record, &documents, work));
    }
    Ok(attempts)
}

fn attempt(
    record: &AttemptRecord,
    documents: &[Document],
    work_in_progress: Option<Patch>,
) -> EarlierAttempt {
    let outcome = record.report.outcome.as_ref();
    let end = match &record.attempt.state {
        AttemptState::Ended(end) => end.as_str(),
        other => other.as_str(),
    };
    let note = record.attempt.note.as_deref().unwrap_or("");
    let ended = if note.is_empty() { end.to_owned() } else { format!("{end}: {note}") };
    let text_of = |name: DocumentName| {
        let last = documents.iter().rev().find(|document| document.name == name);
        let text = last.map_or("", Document::text);
        text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
    };
    let seen = match outcome {
        Some(Outcome::GaveUp { runs, .. }) if !runs.is_empty() => red(runs),
        // What was proven was not red here; why it failed is what the gate, people or CI said.
        Some(Outcome::Proposed { .. }) => String::new(),
        Some(_) | None => text_of(DocumentName::VerificationResults),
    };
    let patch = outcome.and_then(Outcome::patch).cloned().or(work_in_progress).unwrap_or_default();
    let new = patch.changes().iter().filter_map(|change| change.new.as_ref());
    let bytes: usize = new.map(|file| file.content.bytes().len()).sum();
    EarlierAttempt {
        number: record.attempt.number,
        fixer: outcome.and_then(Outcome::fixer).map(str::to_owned),
        ended,
        turns: text_of(DocumentName::State),
        seen,
        patch: if bytes <= PATCH_BYTES_MAX { patch } else { Patch::default() },
    }
}

fn red(runs: &[CommandRun]) -> String {
    let red = runs.iter().filter(|run| !run.ended.is_green());
    let told = |run: &CommandRun| {
        let output = run.output_tail.trim_end();
        let from = output.ceil_char_boundary(output.len().saturating_sub(OUTPUT_BYTES_MAX));
        format!("$ {}\n{}\n", run.command, &output[from..])
    };
    red.map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::{Attempt, AttemptEnd, RunnerReport};
    use crate::domain::ids::{AttemptId, CaseId, RepoPath, Sha, Timestamp};
    use crate::domain::outcome::{Ended, GaveUp};
    use crate::domain::patch::{Content, FileChange, FileMode, NewFile};

    fn record(outcome: Outcome) -> AttemptRecord {
        let at = Timestamp::from_millis(0);
        let attempt = Attempt {
            id: AttemptId::new(uuid::Uuid::from_u128(1)),
            case: CaseId::new(uuid::Uuid::from_u128(2)),
            number: 1,
            head: Sha::parse(&"a".repeat(40)).unwrap(),
            planned_at: at,
            dispatches: 1,
            dispatched_at: at,
            state: AttemptState::Ended(AttemptEnd::GaveUp(GaveUp::StillRed)),
            note: Some("round 1: agent:codex changed 1 files".to_owned()),
            verdict: None,
            feedback: Vec::new(),
        };
        let report = RunnerReport { outcome: Some(outcome), ..RunnerReport::default() };
        AttemptRecord { attempt, report, dispatched: None, committed: None }
    }

    fn document(name: DocumentName, round: u8, text: &str) -> Document {
        Document { name, round, body: format!("---\na: 1\n---\n{text}") }
    }

    fn gave_up(output: &str) -> Outcome {
        let run = |command: &str, code, output: &str| CommandRun {
            command: command.to_owned(),
            ended: Ended::Exit(code),
            duration_ms: 1,
            output_tail: output.to_owned(),
        };
        let runs = vec![run("cargo fmt", 0, "fine"), run("cargo test", 101, output)];
        Outcome::GaveUp { why: GaveUp::StillRed, note: String::new(), runs, analysis: None }
    }

    fn patch(text: &str) -> Patch {
        let new = Some(NewFile { mode: FileMode::Regular, content: Content::new(text) });
        Patch::new(vec![FileChange { path: RepoPath::parse("a").unwrap(), new }]).unwrap()
    }

    #[test]
    fn an_attempt_that_failed_tells_what_it_tried_and_what_was_red() {
        let documents = [
            document(DocumentName::State, 1, "the first round"),
            document(DocumentName::State, 2, "both rounds"),
        ];
        let told = attempt(&record(gave_up("overflow")), &documents, Some(patch("x")));
        assert_eq!(told.ended, "gave_up: round 1: agent:codex changed 1 files");
        assert_eq!((told.turns.as_str(), &told.patch), ("both rounds", &patch("x")));
        assert_eq!(told.seen, "$ cargo test\noverflow\n");
    }

    #[test]
    fn of_what_is_long_a_part_is_handed_on() {
        let long = document(DocumentName::State, 1, &"ü".repeat(TEXT_BYTES_MAX));
        let outcome = gave_up(&format!("{}the end", "ü".repeat(OUTPUT_BYTES_MAX)));
        let told =
            attempt(&record(outcome), &[long], Some(patch(&"x".repeat(PATCH_BYTES_MAX + 1))));
        assert!(told.turns.len() <= TEXT_BYTES_MAX && told.turns.starts_with('ü'));
        assert!(told.seen.len() <= OUTPUT_BYTES_MAX + 20 && told.seen.ends_with("the end\n"));
        assert!(told.patch.is_empty());
    }

    #[test]
    fn an_attempt_that_was_cut_short_tells_what_its_last_proof_showed() {
        let waits =
            Outcome::Asks { questions: Vec::new(), note: String::new(), time: 0, waited: 0 };
        let documents = [document(DocumentName::VerificationResults, 1, "Not better")];
        assert_eq!(attempt(&record(waits), &documents, None).seen, "Not better");
    }
}
