//! Recipes: deterministic fixes, by the very tools that complain.
//!
//! One file per tool family; [`ALL`] lists every recipe with the failures that it answers, its cost
//! and what it runs. [`answers`] is pure: failures and the names of the repository's files in, the
//! recipes that fit out, cheapest first. A recipe's commands run in the sandbox like any other; the
//! words of a failure reach a command line only as quoted paths and checked codes.

mod go;
mod javascript;
mod locks;
mod python;
mod rust;
mod snapshots;
mod whitespace;

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{Fixer, FixerError, Job, Report};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::ids::RepoPath;
use crate::evidence::places::place;
use crate::runner::observe::Happening;
use crate::runner::sandbox::{CommandSpec, quote};

/// What a recipe does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A line for the shell in the sandbox, and one that is green once it has done its part.
    Shell {
        /// What changes files.
        fix: String,
        /// What shows that it worked.
        check: Option<String>,
    },
    /// Built in: white space at the ends of lines and of these files.
    Whitespace {
        /// The files.
        files: Vec<RepoPath>,
    },
}

/// A recipe, as the registry has it.
#[derive(Debug)]
pub struct Recipe {
    /// Its name in policies and outcomes.
    pub name: &'static str,
    /// Which failures it answers, in words, for the documentation.
    pub answers: &'static str,
    /// What it runs, in words, for the documentation.
    pub runs: &'static str,
    /// Roughly what it costs: 1 touches files alone, 9 builds and tests everything.
    pub cost: u8,
    /// Why its patches wait for a person, if they do by default.
    pub held: Option<&'static str>,
    /// Whether files that were not there before belong to its result.
    pub makes_files: bool,
    /// Whether it answers one failure.
    pub fits: fn(&Failure, &RepoFacts) -> bool,
    /// What it does about those that it answers; `None` when there is nothing it could do.
    pub action: fn(&[&Failure], &RepoFacts) -> Option<Action>,
}

/// Every recipe.
pub const ALL: &[&Recipe] = &[
    &whitespace::WHITESPACE,
    &rust::RUSTFMT,
    &go::GOFMT,
    &python::RUFF_FORMAT,
    &python::RUFF_CHECK,
    &python::BLACK,
    &python::ISORT,
    &javascript::PRETTIER,
    &javascript::ESLINT,
    &locks::CARGO_LOCK,
    &locks::NPM_LOCK,
    &rust::CARGO_FIX,
    &rust::CLIPPY_FIX,
    &snapshots::INSTA,
    &snapshots::JEST,
];

/// What is known of the repository without running anything: the names of its files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RepoFacts {
    files: BTreeSet<RepoPath>,
}

impl RepoFacts {
    /// The facts of a repository with these files.
    pub fn new(files: impl IntoIterator<Item = RepoPath>) -> Self {
        Self { files: files.into_iter().collect() }
    }

    /// Names files of failures as the repository does; one that it has not is taken away.
    pub fn hold_places(&self, failures: &mut [Failure]) {
        place(failures, &self.files.iter().cloned().collect());
    }

    /// Whether a file is there.
    pub fn has(&self, path: &RepoPath) -> bool {
        self.files.contains(path)
    }

    /// Whether the root has a file of that name.
    pub fn root_has(&self, name: &str) -> bool {
        RepoPath::parse(name).is_ok_and(|path| self.files.contains(&path))
    }

    /// The directories that have a file of that name and are above the path, the outermost first;
    /// the root is the empty text.
    pub fn above(&self, path: &RepoPath, name: &str) -> Option<String> {
        let ends = path.as_str().match_indices('/').map(|(end, _)| end);
        std::iter::once(0)
            .chain(ends)
            .map(|end| path.as_str().get(..end).unwrap_or_default().to_owned())
            .find(|dir| self.root_has(&join(dir, name)))
    }

    /// The directories that have a file of that name, each once.
    pub fn dirs_with(&self, name: &str) -> Vec<String> {
        let in_dir = |path: &RepoPath| {
            let text = path.as_str();
            let (dir, file) = text.rsplit_once('/').unwrap_or(("", text));
            (file == name).then(|| dir.to_owned())
        };
        self.files.iter().filter_map(in_dir).collect()
    }
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

/// A recipe that fits, with what it will do.
#[derive(Debug, Clone)]
pub struct RecipeChoice {
    /// Which recipe.
    pub recipe: &'static Recipe,
    /// How many of the failures it answers.
    pub answered: usize,
    /// What it will do.
    pub action: Action,
}

/// The recipes that answer these failures, cheapest first, those that a person has to approve last.
pub fn answers(failures: &[Failure], facts: &RepoFacts) -> Vec<RecipeChoice> {
    let mut choices: Vec<RecipeChoice> = ALL
        .iter()
        .filter_map(|recipe| {
            let fits: Vec<&Failure> =
                failures.iter().filter(|failure| (recipe.fits)(failure, facts)).collect();
            if fits.is_empty() {
                return None;
            }
            let action = (recipe.action)(&fits, facts)?;
            Some(RecipeChoice { recipe, answered: fits.len(), action })
        })
        .collect();
    choices.sort_by_key(|choice| (choice.recipe.held.is_some(), choice.recipe.cost));
    choices
}

/// Whether the failure was reported by one of these tools.
fn by(failure: &Failure, tools: &[&str]) -> bool {
    let tool = failure.tool.as_deref().unwrap_or_default().to_ascii_lowercase();
    tools.contains(&tool.as_str())
}

/// Whether a file has that extension.
fn has_extension(file: &RepoPath, extension: &str) -> bool {
    file.as_str().rsplit_once('.').is_some_and(|(_, found)| found == extension)
}

/// Whether it is a complaint about style rather than about a fault.
fn is_style(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Lint | FailureKind::Format)
}

/// The files that the failures name and the repository has, each once, as one quoted text.
fn named_files(failures: &[&Failure], facts: &RepoFacts) -> Option<String> {
    let files: BTreeSet<&RepoPath> = failures
        .iter()
        .filter_map(|failure| failure.file.as_ref())
        .filter(|file| facts.has(file))
        .collect();
    if files.is_empty() || files.len() > NAMED_FILES_MAX {
        return None;
    }
    Some(files.iter().map(|file| quote(&format!("./{file}"))).collect::<Vec<_>>().join(" "))
}

/// Beyond this many files a tool is run on everything instead: command lines have a limit.
const NAMED_FILES_MAX: usize = 200;

/// A recipe as a fixer.
#[derive(Debug, Clone)]
pub struct RecipeFixer(pub RecipeChoice);

#[async_trait]
impl Fixer for RecipeFixer {
    fn id(&self) -> String {
        format!("recipe:{}", self.0.recipe.name)
    }

    fn why(&self) -> String {
        let recipe = self.0.recipe;
        format!("answers {} of the failures: {}", self.0.answered, recipe.answers)
    }

    fn held(&self) -> Option<&'static str> {
        self.0.recipe.held
    }

    fn check(&self) -> Option<String> {
        match &self.0.action {
            Action::Shell { check, .. } => check.clone(),
            Action::Whitespace { .. } => None,
        }
    }

    fn can_learn(&self) -> bool {
        false
    }

    fn makes_files(&self) -> bool {
        self.0.recipe.makes_files
    }

    async fn fix(&self, job: Job<'_>) -> Result<Report, FixerError> {
        let fix = match &self.0.action {
            Action::Whitespace { files } => {
                let count = whitespace::trim(job.workspace, files)?;
                let summary = format!("took white space off the ends of lines in {count} files");
                return Ok(Report { summary, ..Report::default() });
            }
            Action::Shell { fix, .. } => fix,
        };
        let mut spec = CommandSpec::shell(&**fix, job.workspace, job.limits);
        spec.network = job.network;
        job.dependencies.lend_to(&mut spec);
        job.observer.saw(&Happening::CommandBegins { command: fix });
        let finished = job.sandbox.run(&spec).await?;
        job.observer.saw(&Happening::CommandEnded { run: &finished.run });
        Ok(Report {
            summary: format!("Run `{fix}`"),
            hindrance: super::missing(&finished.run),
            runs: vec![finished.run],
            ..Report::default()
        })
    }
}

/// The recipes as a table, for the documentation.
pub fn table() -> String {
    let mut table =
        String::from("| recipe | answers | runs | waits for a person |\n|---|---|---|---|\n");
    for recipe in ALL {
        let held = recipe.held.unwrap_or("no");
        let line =
            format!("| `{}` | {} | {} | {held} |\n", recipe.name, recipe.answers, recipe.runs);
        table.push_str(&line);
    }
    table
}

#[cfg(test)]
mod tests;
