//! The draft of an evidence: what the sources have said so far, and in which order they count.
//!
//! A report counts first. Of a job, its log counts while it tells a certain cause; what annotations
//! say goes before a log that only guesses, and behind one that knows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::domain::cause::Judgement;
use crate::domain::evidence::Evidence;
use crate::domain::failure::{FAILURES_MAX, Failure, FailureKind, Fingerprint, Source};
use crate::domain::ids::RepoPath;
use crate::domain::pull::{CiAnnotation, Pull};
use crate::evidence::{self, Hints, Reading};

/// The lines that matter, of all jobs together: what a check run can show and a prompt can carry.
const EXCERPT_BYTES_MAX: usize = 24 * 1024;

/// Commands that a proof starts from; a run with more failing steps shares its root cause.
const COMMANDS_MAX: usize = 5;

/// Green commands that are run once more to prove a fix; each costs as much as it did in CI.
const GREEN_COMMANDS_MAX: usize = 4;

/// Characters of an annotation's message that are kept; GitHub takes 64 KB, nobody reads them.
const REMARK_CHARS_MAX: usize = 1000;

/// What the runner says of every step that fails: it says nothing.
const SAYS_NOTHING: &str = "Process completed with exit code";

/// Where GitHub puts annotations that are about no file.
const NO_FILE: &str = ".github";

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub failures: Vec<Failure>,
    /// What is shown of each source.
    excerpts: Vec<(String, String)>,
    commands: Vec<String>,
    green_commands: Vec<String>,
    pub sources: Vec<String>,
    pub notes: Vec<String>,
}

/// Whether anything is known for certain.
pub(super) fn is_certain(failures: &[Failure]) -> bool {
    failures.iter().any(|failure| failure.kind != FailureKind::Unknown)
}

impl Draft {
    /// Adds what a job's log says besides its failures: the lines that matter, the commands.
    pub fn add_log(&mut self, source: &str, reading: &Reading) {
        self.add_excerpt(source, reading);
        self.notes.extend(reading.notes.iter().map(|note| format!("{source}: {note}")));
        for command in &reading.commands {
            if !self.commands.contains(command) {
                self.commands.push(command.clone());
            }
        }
        for command in &reading.green_commands {
            if !self.green_commands.contains(command) {
                self.green_commands.push(command.clone());
            }
        }
    }

    /// Adds the lines of a text that matter, while there is room.
    pub fn add_excerpt(&mut self, source: &str, reading: &Reading) {
        let shown: usize = self.excerpts.iter().map(|(_, excerpt)| excerpt.len()).sum();
        let excerpt = reading.excerpt(EXCERPT_BYTES_MAX.saturating_sub(shown));
        if !excerpt.is_empty() {
            self.excerpts.push((source.to_owned(), excerpt));
        }
    }

    /// All excerpts; of several, each says where it was read, because its lines are counted there.
    fn excerpt(excerpts: Vec<(String, String)>) -> String {
        let is_one = excerpts.len() == 1;
        let parts = excerpts.into_iter().map(|(source, excerpt)| {
            if is_one { excerpt } else { format!("=== {source} ===\n{excerpt}") }
        });
        parts.collect::<Vec<_>>().join("\n")
    }

    /// Adds what failed in a job: as its log says, as its annotations say. Whether the annotations
    /// said anything that the log did not.
    pub fn add_failures(&mut self, logged: Vec<Failure>, mut remarks: Vec<Failure>) -> Remarks {
        let told = logged.iter().chain(&self.failures);
        let files: Vec<&RepoPath> = told.filter_map(|failure| failure.file.as_ref()).collect();
        if is_certain(&logged) {
            // The log knows: only what it does not speak of at all is news.
            remarks.retain(|remark| remark.file.as_ref().is_some_and(|it| !files.contains(&it)));
        }
        let news = if remarks.is_empty() { Remarks::Nothing } else { Remarks::News };
        let (first, then) = if is_certain(&logged) { (logged, remarks) } else { (remarks, logged) };
        self.failures.extend(first);
        self.failures.extend(then);
        news
    }

    /// The evidence.
    pub fn finished(mut self, pull: &Pull, changed_files: Vec<RepoPath>) -> Evidence {
        let mut failures = each_once(self.failures);
        failures.truncate(FAILURES_MAX);
        self.commands.truncate(COMMANDS_MAX);
        // What one leg of a matrix was green with, another was red with.
        self.green_commands.retain(|command| !self.commands.contains(command));
        self.green_commands.truncate(GREEN_COMMANDS_MAX);
        Evidence {
            head: pull.head.sha.clone(),
            runs: Vec::new(),
            failures,
            excerpt: Self::excerpt(self.excerpts),
            commands: self.commands,
            green_commands: self.green_commands,
            sources: self.sources,
            notes: self.notes,
            changed_files,
            judgement: Judgement::default(),
        }
    }
}

/// The same failure of several jobs, or legs of a matrix, is one that was seen in all of them.
fn each_once(failures: Vec<Failure>) -> Vec<Failure> {
    let mut places: HashMap<(Fingerprint, Option<u32>), usize> = HashMap::new();
    let mut kept: Vec<Failure> = Vec::new();
    for failure in failures {
        match places.entry((failure.fingerprint(), failure.line)) {
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(failure);
            }
            Entry::Occupied(place) => {
                let jobs = &mut kept[*place.get()].source.jobs;
                for job in failure.source.jobs {
                    if !jobs.contains(&job) {
                        jobs.push(job);
                    }
                }
            }
        }
    }
    kept
}

/// Whether annotations said what nothing else did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remarks {
    /// They did.
    News,
    /// They did not.
    Nothing,
}

/// What annotations say failed; `source` names the check run that carries them.
pub(super) fn remarks(annotations: &[CiAnnotation], source: &str) -> Vec<Failure> {
    let failures = annotations.iter().filter(|annotation| annotation.level == "failure");
    failures.filter_map(|annotation| remark(annotation, source)).collect()
}

fn remark(annotation: &CiAnnotation, source: &str) -> Option<Failure> {
    if annotation.message.starts_with(SAYS_NOTHING) {
        return None;
    }
    let message: String =
        evidence::redact(&annotation.message, &[]).chars().take(REMARK_CHARS_MAX).collect();
    let known = evidence::read(annotation.message.as_bytes(), &Hints::default());
    let known = known.failures.into_iter().find(|failure| failure.kind != FailureKind::Unknown);
    let mut failure = Failure::new(FailureKind::Unknown, message);
    if let Some(known) = known {
        (failure.kind, failure.tool, failure.code) = (known.kind, known.tool, known.code);
    }
    failure.file = RepoPath::parse(&annotation.path).ok().filter(|path| path.as_str() != NO_FILE);
    if failure.file.is_some() {
        failure.line = Some(annotation.start_line).filter(|line| *line > 0);
        failure.end_line = Some(annotation.end_line).filter(|end| *end > annotation.start_line);
        failure.column = annotation.start_column.filter(|column| *column > 0);
    }
    failure.source = Source { step: Some(source.to_owned()), ..Source::default() };
    Some(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotation(path: &str, message: &str) -> CiAnnotation {
        CiAnnotation {
            path: path.to_owned(),
            start_line: 2,
            end_line: 4,
            start_column: None,
            level: "failure".to_owned(),
            message: message.to_owned(),
            title: None,
        }
    }

    fn fault(kind: FailureKind, file: &str) -> Failure {
        let mut failure = Failure::new(kind, format!("wrong in {file}"));
        failure.file = RepoPath::parse(file).ok();
        failure
    }

    #[test]
    fn an_annotation_is_a_failure_with_its_place_and_what_its_words_tell() {
        let found = remarks(&[annotation("src/a.rs", "mismatched types")], "ci / x");
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].kind, found[0].message.as_str()),
            (FailureKind::Unknown, "mismatched types")
        );
        assert_eq!((found[0].line, found[0].end_line), (Some(2), Some(4)));
        let lost = "The runner has received a shutdown signal.";
        let found = remarks(&[annotation(".github", lost)], "ci / x");
        assert_eq!(found[0].kind, FailureKind::Infrastructure);
    }

    #[test]
    fn the_runners_last_word_says_nothing() {
        assert!(
            remarks(&[annotation(".github", "Process completed with exit code 1.")], "").is_empty()
        );
        let found = remarks(&[annotation(".github", "The job was not started")], "");
        assert_eq!((found[0].file.as_ref(), found[0].line), (None, None));
        let mut mild = annotation("a", "unused");
        mild.level = "warning".to_owned();
        assert!(remarks(&[mild], "").is_empty());
    }

    #[track_caller]
    fn check(logged: &[&Failure], remarks: &[&Failure], expected: &[&Failure]) {
        let owned = |all: &[&Failure]| all.iter().copied().cloned().collect();
        let mut draft = Draft::default();
        draft.add_failures(owned(logged), owned(remarks));
        assert_eq!(draft.failures.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_log_that_knows_counts_before_annotations_and_a_log_that_guesses_behind_them() {
        let known = fault(FailureKind::Lint, "a.rs");
        let guess = Failure::new(FailureKind::Unknown, "exit code 1");
        let here = fault(FailureKind::Unknown, "a.rs");
        let elsewhere = fault(FailureKind::Unknown, "b.rs");
        let nowhere = Failure::new(FailureKind::Unknown, "something");
        let all = [&here, &elsewhere, &nowhere];
        check(&[&known], &all, &[&known, &elsewhere]);
        check(&[&guess], &all, &[&here, &elsewhere, &nowhere, &guess]);
        check(&[], &all, &[&here, &elsewhere, &nowhere]);
        check(&[&guess], &[], &[&guess]);
    }
}
