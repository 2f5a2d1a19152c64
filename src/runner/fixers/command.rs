//! The command fixer: any program, plugged in by the policy. `docs/fixers.md` is its contract.
//!
//! The program gets the task as Markdown on its standard input and as JSON in a file, and the
//! workspace as its directory. Its exit code means nothing, its words are kept for people, and the
//! difference that it leaves behind is the result.

use async_trait::async_trait;

use super::{Fixer, FixerError, Job, Report, missing};
use crate::runner::observe::Happening;
use crate::runner::sandbox::{CommandSpec, Given};
use crate::runner::task::Task;

/// The variable that names the task's file.
pub const TASK_VARIABLE: &str = "SELFHEAL_TASK";

/// How much of the program's last words are kept.
const SUMMARY_CHARS_MAX: usize = 300;

/// A program that gets the task and edits the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandFixer {
    /// Its name, for people.
    pub name: String,
    /// The line for `sh -c`.
    pub run: String,
}

#[async_trait]
impl Fixer for CommandFixer {
    fn id(&self) -> String {
        format!("command:{}", self.name)
    }

    fn why(&self) -> String {
        "the repository's policy names it".to_owned()
    }

    fn held(&self) -> Option<&'static str> {
        None
    }

    fn check(&self) -> Option<String> {
        None
    }

    fn can_learn(&self) -> bool {
        true
    }

    fn makes_files(&self) -> bool {
        true
    }

    async fn fix(&self, job: Job<'_>) -> Result<Report, FixerError> {
        let mut spec = CommandSpec::shell(&*self.run, job.workspace, job.limits);
        spec.network = job.network;
        let told = job.task.markdown();
        let digest = Task::digest_of(&told);
        job.keep(self.id(), &told).await;
        spec.stdin = told.into_bytes();
        let content = job.task.json().to_string().into_bytes();
        spec.given = Some(Given { variable: TASK_VARIABLE, content });
        job.dependencies.lend_to(&mut spec);
        job.observer.saw(&Happening::CommandBegins { command: &self.run });
        let finished = job.sandbox.run(&spec).await?;
        job.observer.saw(&Happening::CommandEnded { run: &finished.run });
        let said = last_words(&finished.run.output_tail);
        let summary = said.unwrap_or_else(|| format!("{} said nothing", self.name));
        Ok(Report {
            summary,
            words: finished.run.output_tail.clone(),
            hindrance: missing(&finished.run),
            prompt: Some(digest),
            runs: vec![finished.run],
            ..Report::default()
        })
    }
}

/// The last line that says something.
fn last_words(output: &str) -> Option<String> {
    let line = output.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(SUMMARY_CHARS_MAX).collect())
}
