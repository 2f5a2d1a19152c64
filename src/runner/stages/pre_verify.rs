//! Pre-verify: which commands prove the fix, and why these.

use std::fmt::Write as _;

use super::{StageError, Work};
use crate::documents::{CheckNote, RUNS_MAX, ValidationStrategy, about, fenced, write};
use crate::domain::document::{Document, DocumentName};
use crate::runner::progress::Progress;

/// Does the stage.
///
/// # Errors
/// [`StageError::Document`].
pub fn run(
    work: &Work<'_>,
    progress: &mut Progress,
    round: u8,
) -> Result<Vec<Document>, StageError> {
    let mut commands: Vec<CheckNote> = Vec::new();
    let mut add = |command: String, why: &str| {
        let is_new = !commands.iter().any(|known| known.command == command);
        if is_new && commands.len() < RUNS_MAX {
            commands.push(CheckNote { command, why: why.to_owned() });
        }
    };
    for run in progress.before() {
        let why =
            if run.ended.is_green() { "green at the head, to stay so" } else { "red at the head" };
        add(run.command, why);
    }
    if let Some(check) = work.last_fixer(progress).and_then(|fixer| fixer.check()) {
        add(check, "the fixer's own check");
    }
    for command in &work.brief.green_commands {
        add(command.clone(), "green in CI, to stay so");
    }
    for command in &work.brief.verify {
        add(command.clone(), "the repository wants it green");
    }
    let strategy = ValidationStrategy {
        about: about(DocumentName::ValidationStrategy, work.brief.attempt, round),
        commands,
    };
    let document = write(&strategy, &text(&strategy))?;
    progress.strategy = Some(strategy);
    Ok(vec![document])
}

fn text(strategy: &ValidationStrategy) -> String {
    let mut text = String::from("# What proves the fix\n\n");
    for check in &strategy.commands {
        let _ = write!(text, "{}\n{}\n\n", check.why, fenced(&check.command));
    }
    text
}
