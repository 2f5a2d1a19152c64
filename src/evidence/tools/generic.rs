//! What looks like a fault in no known tool's form: a place with an error, a word of failure.
//!
//! Guesses only: judgement keeps them where nothing better is known.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight};
use crate::evidence::text::Mark;

pub(super) static TOOL: Tool = Tool {
    name: "generic",
    about: "Any line with a place and an error, and what the CI system marked as one.",
    example: "❌ Error in .github/workflows/ci.yml (Line 25): the action is not pinned",
    rules: &[
        Rule::new(
            K::Lint,
            &["rror in ", "ERROR in "],
            concat!(
                r"^\W*(?:[Ee]rror|ERROR) in (?P<file>[^\s",
                r"():]+\.[A-Za-z0-9]{1,10}) \([Ll]ine (?P<line>[0-9]+)\): (?P<message>.+)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(place),
        Rule::new(
            K::Lint,
            &["rror:", "rror ", "rror]", "rror\t", "RROR:", "RROR ", "RROR]", "RROR\t"],
            concat!(
                r"^\s*(?P<file>[^\s():]+\.[A-Za-z0-9]{1,10})(?::|\()(?P<line>[0-9]+)(?:(?::",
                r"|, ?)(?P<column>[0-9]+))?\)?(?::| -|\s)\s*(?:\[)?(?:[Ff]atal )?(?:[Ee]rror",
                r"|ERROR)\b\]?[:\s]\s*(?P<message>.+)$",
            ),
        )
        .beside(&[":\0", "(\0"])
        .weighing(Weight::Sign),
    ],
};

fn place(_: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    let workflow = draft.path.as_deref().is_some_and(|path| path.contains(".github/workflows"));
    if workflow {
        draft.failure.kind = K::Config;
    }
    found.push(draft);
}

/// Words of failure, which mean little by themselves.
/// The words, with what may stand behind them.
const LITERALS: &[&str] = &[
    "rror:",
    "rror]",
    "rror :",
    "rror -",
    "rror ]",
    "rror-",
    "rror\t",
    "RROR:",
    "RROR]",
    "RROR :",
    "RROR -",
    "RROR ]",
    "RROR-",
    "RROR\t",
    "atal:",
    "atal]",
    "atal :",
    "atal -",
    "atal ]",
    "atal-",
    "atal\t",
    "FATAL:",
    "FATAL]",
    "FATAL :",
    "FATAL -",
    "FATAL ]",
    "FATAL-",
    "FATAL\t",
    "Failed:",
    "Failed]",
    "Failed :",
    "Failed -",
    "Failed ]",
    "Failed-",
    "Failed\t",
    "FAILED:",
    "FAILED]",
    "FAILED :",
    "FAILED -",
    "FAILED ]",
    "FAILED-",
    "FAILED\t",
    "FAILURE:",
    "FAILURE]",
    "FAILURE :",
    "FAILURE -",
    "FAILURE ]",
    "FAILURE-",
    "FAILURE\t",
    "❌",
    "✖ ",
    "✗ ",
];

pub(super) static WORDS: Tool = Tool {
    name: "words",
    about: "Lines that begin with a word of failure, where nothing else was understood.",
    example: "error: the changelog has no entry for this release",
    rules: &[Rule::new(
        K::Unknown,
        LITERALS,
        concat!(
            r"^\s*(?:\S+: )?(?:\[?(?:[Ee]rror|ERROR|[Ff]atal|FATAL|FAILURE|FAILED",
            r"|Failed)\]?\s?(?::|-|\]) ?|❌ ?|✖ |✗ )(?P<message>\S.{2,})$",
        ),
    )
    .weighing(Weight::Guess)
    .reading(word)],
};

fn word(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if at.mark() == Mark::Aside || is_verdict(&draft.failure.message) {
        return;
    }
    if at.mark() == Mark::Error {
        draft.weight = Weight::Sign;
    }
    found.push(draft);
}

fn is_verdict(message: &str) -> bool {
    [
        "Process completed with exit code",
        "exit code",
        "exit status",
        "Command failed",
        "0 errors",
        "returned error code",
    ]
    .iter()
    .any(|verdict| message.contains(verdict))
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::{check, check_failed};

    #[test]
    fn a_place_with_an_error_is_read() {
        check("docs/a.md:3:4: ERROR: broken link", "lint docs/a.md:3:4 broken link");
        check(
            "❌ Error in .github/workflows/ci.yml (Line 25): no",
            "config .github/workflows/ci.yml:25 no",
        );
    }

    #[test]
    fn words_are_used_only_where_nothing_else_is_known() {
        check("error: no entry", "");
        check_failed("error: no entry\nerror: exit code 1", "unknown no entry");
        check("error: no entry\nsrc/a.ts(1,2): error TS1: x", "type_error src/a.ts:1:2 [TS1] x");
    }
}
