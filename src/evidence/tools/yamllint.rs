//! yamllint: its parsable form, and the one that it chooses by itself on GitHub's runners.
//!
//! Its standard form, findings below a header, is one of several linters' and read with ESLint's.

use crate::domain::failure::Severity;
use crate::evidence::text::Mark;

use super::listed::is_bare_path;
use super::{At, Draft, FailureKind as K, LOOK_LINES_MAX, Rule, Tool};

/// yamllint's rules, as they stand before its messages on GitHub's runners.
const RULES: &[&str] = &[
    " [anchors] ",
    " [braces] ",
    " [brackets] ",
    " [colons] ",
    " [commas] ",
    " [comments] ",
    " [comments-indentation] ",
    " [document-end] ",
    " [document-start] ",
    " [empty-lines] ",
    " [empty-values] ",
    " [float-values] ",
    " [hyphens] ",
    " [indentation] ",
    " [key-duplicates] ",
    " [key-ordering] ",
    " [line-length] ",
    " [new-line-at-end-of-file] ",
    " [new-lines] ",
    " [octal-values] ",
    " [quoted-strings] ",
    " [trailing-spaces] ",
    " [truthy] ",
    "syntax error: ",
];

pub(super) static TOOL: Tool = Tool {
    name: "yamllint",
    about: "yamllint in its parsable form and on GitHub's runners.",
    example: "##[group]deploy.yaml\n##[error]3:4 [indentation] wrong indentation: expected 4 but found 3",
    rules: &[
        Rule::new(
            K::Lint,
            &[".yml:\0:\0: [", ".yaml:\0:\0: ["],
            concat!(
                r"^(?P<file>\S+\.ya?ml):(?P<line>[0-9]+):(?P<column>[0-9]+): ",
                r"\[(?P<severity>error|warning)\] (?P<message>.+?)(?: \((?P<code>[a-z-]+)\))?$",
            ),
        ),
        Rule::new(
            K::Lint,
            RULES,
            concat!(
                r"^(?P<line>[0-9]+):(?P<column>[0-9]+) (?:\[(?P<code>anchors|braces|brackets|colons",
                r"|commas|comments|comments-indentation|document-(?:end|start)|empty-(?:lines|values)",
                r"|float-values|hyphens|indentation|key-(?:duplicates|ordering)|line-length",
                r"|new-line-at-end-of-file|new-lines|octal-values|quoted-strings|trailing-spaces",
                r"|truthy)\] (?P<message>.+)|(?P<task>syntax error: .+?)(?: \(syntax\))?)$",
            ),
        )
        .reading(in_group),
    ],
};

/// The file is the name of the group that the findings stand in.
fn in_group(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let is_finding = |line: &str| line.starts_with(|c: char| c.is_ascii_digit());
    let header =
        at.lines_above(LOOK_LINES_MAX).map(|(_, line)| line).find(|line| !is_finding(line));
    let Some(path) = header.filter(|line| is_bare_path(line)) else { return };
    let (line, column) = (draft.failure.line, draft.failure.column);
    draft.place(path, line, column);
    if let Some(said) = draft.failure.task.take() {
        draft.failure.message = said;
    }
    if at.mark() == Mark::Aside {
        draft.failure.severity = Severity::Warning;
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn the_parsable_form_is_read() {
        check(
            "a.yaml:3:5: [error] wrong indentation: expected 4 but found 2 (indentation)\n\
             a.yaml:4:1: [warning] missing document start \"---\" (document-start)\n",
            "lint a.yaml:3:5 [indentation] wrong indentation: expected 4 but found 2",
        );
    }

    #[test]
    fn on_github_the_group_names_the_file() {
        check(
            "2026-11-20T11:42:46.4864225Z ##[group]conf/z.yaml\n\
             2026-11-20T11:42:46.4867752Z ##[warning]1:1 [document-start] missing document start \"---\"\n\
             2026-11-20T11:42:46.4882153Z ##[error]3:4 [indentation] wrong indentation: expected 4 but found 3\n\
             2026-11-20T11:42:46.4882153Z ##[error]5:1 syntax error: found unexpected end of stream (syntax)\n\
             2026-11-20T11:42:46.5025410Z ##[endgroup]\n\
             2026-11-20T11:42:46.5025410Z ##[error]Process completed with exit code 1.\n",
            "lint conf/z.yaml:3:4 [indentation] wrong indentation: expected 4 but found 3\n\
             lint conf/z.yaml:5:1 syntax error: found unexpected end of stream",
        );
    }
}
