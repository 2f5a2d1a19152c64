//! Annotations: failures as remarks at their lines.
//!
//! The forge shows a remark in the diff and beside the file, so it stands at the very place or
//! nowhere: a failure without a line, or read on another head, is told in the summary alone.
//! Remarks can only be appended; their order must not change between two reports of one reading.

use super::markdown::{cut, visible};
use crate::domain::case::Case;
use crate::domain::evidence::Evidence;
use crate::domain::failure::{Failure, Severity};
use crate::domain::view::{Annotation, AnnotationLevel};

/// More remarks than this help nobody; the table names the first ones anyway.
const ANNOTATIONS_MAX: usize = 100;

/// The forge takes 255 characters of a title.
const TITLE_CHARS_MAX: usize = 255;

/// What a reader takes in beside a line; the whole message stands in the details.
const MESSAGE_CHARS_MAX: usize = 1000;

/// The forge takes 64 KB of details; a message that we keep is shorter, a suggestion need not be.
const DETAILS_CHARS_MAX: usize = 8000;

/// Remarks at the failing lines, only on the head that they were read on.
pub(super) fn annotations(case: &Case, evidence: Option<&Evidence>) -> Vec<Annotation> {
    let Some(evidence) = evidence.filter(|evidence| evidence.head == case.head) else {
        return Vec::new();
    };
    evidence.failures.iter().filter_map(annotation).take(ANNOTATIONS_MAX).collect()
}

fn annotation(failure: &Failure) -> Option<Annotation> {
    let path = failure.file.clone()?;
    let start_line = failure.line.filter(|line| *line > 0)?;
    let end_line = failure.end_line.unwrap_or(start_line).max(start_line);
    Some(Annotation {
        path,
        start_line,
        end_line,
        // The forge takes a column only where the remark is about one line.
        start_column: failure.column.filter(|column| *column > 0 && end_line == start_line),
        level: match failure.severity {
            Severity::Error => AnnotationLevel::Failure,
            Severity::Warning => AnnotationLevel::Warning,
            Severity::Note => AnnotationLevel::Notice,
        },
        title: cut(&visible(&title(failure)), TITLE_CHARS_MAX),
        message: cut(&visible_lines(&failure.message), MESSAGE_CHARS_MAX),
        raw_details: details(failure),
    })
}

/// Who said it, by which rule, of which test.
fn title(failure: &Failure) -> String {
    let tool = failure.tool.as_deref().unwrap_or("selfheal");
    let parts = [Some(tool), failure.code.as_deref(), failure.test.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What the message leaves out: its rest, and what the tool suggests.
fn details(failure: &Failure) -> Option<String> {
    let suggestion = failure.suggestion.as_deref().map(|text| format!("Suggested: {text}"));
    let is_cut = failure.message.chars().count() > MESSAGE_CHARS_MAX;
    let rest = is_cut.then(|| failure.message.clone());
    let parts: Vec<String> = rest.into_iter().chain(suggestion).collect();
    let text = cut(&visible_lines(&parts.join("\n\n")), DETAILS_CHARS_MAX);
    Some(text).filter(|text| !text.is_empty())
}

fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::FailureKind;
    use crate::domain::ids::RepoPath;

    fn failure() -> Failure {
        let mut failure = Failure::new(FailureKind::Lint, "unused\nsecond\u{1b}[31m");
        failure.file = RepoPath::parse("src/a.rs").ok();
        failure.line = Some(3);
        failure
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Failure), expected: impl FnOnce(Option<Annotation>) -> bool) {
        let mut failure = failure();
        change(&mut failure);
        let got = annotation(&failure);
        let shown = format!("{got:?}");
        assert!(expected(got), "{shown}");
    }

    #[test]
    fn a_failure_without_a_line_is_no_remark() {
        check(|failure| failure.line = None, |got| got.is_none());
        check(|failure| failure.line = Some(0), |got| got.is_none());
        check(|failure| failure.file = None, |got| got.is_none());
    }

    #[test]
    fn a_remark_is_as_loud_as_the_tool_was() {
        for (severity, level) in [
            (Severity::Error, AnnotationLevel::Failure),
            (Severity::Warning, AnnotationLevel::Warning),
            (Severity::Note, AnnotationLevel::Notice),
        ] {
            check(|failure| failure.severity = severity, |got| got.unwrap().level == level);
        }
    }

    #[test]
    fn a_column_is_given_only_within_one_line() {
        check(|failure| failure.column = Some(7), |got| got.unwrap().start_column == Some(7));
        check(
            |failure| (failure.column, failure.end_line) = (Some(7), Some(9)),
            |got| {
                let got = got.unwrap();
                (got.start_column, got.end_line) == (None, 9)
            },
        );
        check(|failure| failure.end_line = Some(1), |got| got.unwrap().end_line == 3);
    }

    #[test]
    fn a_remark_says_who_what_and_what_to_do_and_nothing_that_acts() {
        check(
            |failure| {
                failure.tool = Some("ruff".into());
                failure.code = Some("F401".into());
                failure.suggestion = Some("remove it".into());
            },
            |got| {
                let got = got.unwrap();
                got.title == "ruff F401"
                    && got.message == "unused\nsecond\u{fffd}[31m"
                    && got.raw_details.as_deref() == Some("Suggested: remove it")
            },
        );
        check(
            |failure| failure.message = "x".repeat(4000),
            |got| {
                let got = got.unwrap();
                got.message.chars().count() == MESSAGE_CHARS_MAX
                    && got.raw_details.unwrap().len() == 4000
            },
        );
    }
}
