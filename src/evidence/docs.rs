//! The page that lists every tool that is understood, generated from the registry.

use std::fmt::Write as _;

use super::tools::TOOLS;

/// The text of `docs/evidence.md`; a test holds the file against it.
pub fn docs() -> String {
    let mut page = String::from(HEAD);
    for tool in TOOLS {
        let kinds: Vec<&str> = kinds_of(tool);
        let _ = write!(
            page,
            "\n## {}\n\n{} Kinds: {}.\n\n```text\n{}\n```\n",
            tool.name,
            tool.about,
            kinds.join(", "),
            tool.example.trim_end(),
        );
    }
    page
}

const HEAD: &str = "\
     # What selfheal reads out of logs

Generated from the registry of tools \
     (`src/evidence/tools.rs`); edit it there.

Each entry shows output of a failing run that \
     is understood. Time stamps, colours, carriage returns,
prefixes of build systems and \
     every encoding are taken off first. Where a run failed and nothing here
applies, one \
     failure of kind `unknown` carries the lines that most likely say why.

A step whose last line says that a credential has no value (`NPM_TOKEN: unbound variable`) is told as
just that, kind `config`.

The logs of these CI systems are read with their steps, so that the step that failed bounds where causes
are looked for, and their own last words are no cause: GitHub Actions (raw, downloaded, or from
`gh run view --log`), GitLab, Azure Pipelines, CircleCI, Buildkite, Jenkins (classic and Pipeline, with
or without times), TeamCity, Travis. Other systems' logs are read as the plain output of a command.

What tools write for programs (JUnit XML, SARIF, JSON, TAP and more) is read as such: see [structured
reports](reports.md). A repository's own tools need no code: its [problem matchers](reports.md#problem-matchers)
are read.

To add a tool, add \
     a file in `src/evidence/tools/` with its rules and its example, and name it in \
     the
registry: a rule is a kind, the literals that call it, a pattern with named groups, \
     and, where one line does
not say all, a reader of the lines around it.
";

fn kinds_of(tool: &super::rule::Tool) -> Vec<&'static str> {
    let mut kinds: Vec<&'static str> = Vec::new();
    for rule in tool.rules {
        if !kinds.contains(&rule.kind.as_str()) {
            kinds.push(rule.kind.as_str());
        }
    }
    kinds
}
