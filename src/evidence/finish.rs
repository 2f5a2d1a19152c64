//! The last step of every reading: a draft becomes a failure that may leave.
//!
//! Places become relative to the repository, secrets go, misleading characters show, everything is
//! bounded. The invariant: no text leaves the evidence that did not pass [`Finisher::clean`].

use std::collections::HashMap;

use super::draft::Draft;
use super::paths::{self, Roots};
use super::redact::{Redactor, harmless};
use super::text::floor;
use crate::domain::failure::{Failure, MESSAGE_BYTES_MAX};
use crate::domain::ids::RepoPath;

/// The longest code, test, task, suggestion or step name kept: parametrised tests reach 300 bytes.
const FIELD_BYTES_MAX: usize = 1024;

/// The longest tool name kept.
const TOOL_BYTES_MAX: usize = 100;

/// How much of one text is looked at for secrets: far more than is kept, far less than a report.
const RAW_BYTES_MAX: usize = 64 * 1024;

/// Makes failures of drafts, with the places already worked out at hand.
#[derive(Debug)]
pub(super) struct Finisher<'h> {
    roots: Roots<'h>,
    redactor: &'h Redactor,
    places: HashMap<String, Option<RepoPath>>,
}

impl<'h> Finisher<'h> {
    /// A finisher that knows where checkouts lie and what is secret.
    pub(super) fn new(roots: Roots<'h>, redactor: &'h Redactor) -> Self {
        Self { roots, redactor, places: HashMap::new() }
    }

    /// The draft as a failure; where it was read is the caller's to say.
    pub(super) fn finish(&mut self, draft: Draft) -> Failure {
        let mut failure = self.place(draft, None);
        self.clean_all(&mut failure);
        failure
    }

    /// The draft as a failure whose place is in the repository, its texts still as they were read. Paths
    /// are relative to the directory, if one is given.
    pub(super) fn place(&mut self, draft: Draft, directory: Option<&str>) -> Failure {
        let mut failure = draft.failure;
        if let Some(path) = draft.path.as_deref().filter(|path| !path.trim().is_empty()) {
            let path = floor(path, RAW_BYTES_MAX);
            match directory.and_then(|directory| paths::joined(directory, path)) {
                Some(path) => self.place_at(&mut failure, &path),
                None => self.place_at(&mut failure, path),
            }
        }
        failure
    }

    /// Takes secrets out of a failure, makes it harmless and bounds it.
    pub(super) fn clean_all(&self, failure: &mut Failure) {
        failure.file = failure.file.take().filter(|file| !self.redactor.knows(file.as_str()));
        failure.message = self.clean(&failure.message, MESSAGE_BYTES_MAX);
        failure.tool = failure.tool.take().map(|tool| self.clean(&tool, TOOL_BYTES_MAX));
        for field in [
            &mut failure.code,
            &mut failure.test,
            &mut failure.task,
            &mut failure.suggestion,
            &mut failure.source.step,
        ] {
            let cleaned = field.take().map(|text| self.clean(&text, FIELD_BYTES_MAX));
            *field = cleaned.filter(|text| !text.trim().is_empty());
        }
    }

    /// A text without secrets and without characters that mislead, in at most so many bytes.
    pub(super) fn clean(&self, text: &str, bytes_max: usize) -> String {
        // Redacted before it is cut: half a secret would not be recognised.
        let text = floor(text, RAW_BYTES_MAX);
        floor(&harmless(&self.redactor.redact(text)), bytes_max).to_owned()
    }

    fn place_at(&mut self, failure: &mut Failure, path: &str) {
        let roots = &self.roots;
        let known =
            self.places.entry(path.to_owned()).or_insert_with(|| paths::relative(path, roots));
        failure.file.clone_from(known);
        if let Some(file) = &failure.file {
            // The machine's own directories say nothing to anybody.
            if path != file.as_str() {
                failure.message = failure.message.replace(path, file.as_str());
            }
        } else {
            // A line and column of somebody else's file would mislead.
            let at = failure.line.map_or(String::new(), |line| format!(":{line}"));
            let said = floor(&failure.message, MESSAGE_BYTES_MAX);
            failure.message = format!("{said} (in {path}{at})");
            failure.line = None;
            failure.column = None;
            failure.end_line = None;
        }
    }
}
