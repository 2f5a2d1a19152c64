//! Faults of CI's own configuration, as the actions that most workflows use word them: checkout,
//! set-up of languages, caches, artifacts.
//!
//! Not for the machine's faults, which `infrastructure` reads.

use super::{At, Draft, FailureKind as K, Rule, Tool, Weight};
use crate::evidence::text::Mark;

pub(super) static TOOL: Tool = Tool {
    name: "actions",
    about: "Actions that were given what is not there: references, versions, files, inputs.",
    example: "##[error]A branch or tag with the name 'v9' could not be found",
    rules: &[
        Rule::new(
            K::Config,
            &[
                "A branch or tag with the name '",
                "Can't find 'action.yml', 'action.yaml'",
                "because it uses a deprecated version of",
                "The template is not valid. ",
                "The workflow is not valid. ",
                "Input required and not supplied",
                "Dependencies lock file is not found in ",
                "version file at: ",
                "Unable to find any artifacts for the associated",
                "No files were found with the provided path",
                "Error when evaluating '",
                "Required property is missing",
                "The job was not started because",
                "Username and password required",
                "Cannot perform an interactive login from a non TTY device",
            ],
            concat!(
                r"^\s*(?:Error: )?(?P<message>(?:A branch or tag with the name '",
                r"|Can't find 'action\.yml', 'action\.yaml'",
                r"|This request has been automatically failed because it uses a deprecated ",
                r"version of",
                r"|The (?:template|workflow) is not valid\. |Input required and not supplied",
                r"|Dependencies lock file is not found in |The specified \S+ version file at: ",
                r"|Unable to find any artifacts for the associated",
                r"|No files were found with the provided path|Error when evaluating '",
                r"|Required property is missing|The job was not started because",
                r"|Username and password required",
                r"|Cannot perform an interactive login from a non TTY device).*)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(marked),
        Rule::new(
            K::Config,
            &[
                "Unable to find Node version '",
                " was not found in the local cache",
                "Could not find satisfied version for ",
                "Unable to find Go version '",
                "not found for distribution ",
                "is not available for this",
            ],
            concat!(
                r"^\s*(?:Error: )?(?P<message>(?:Unable to find (?:Node|Go) version '",
                r"|The version '.*' with architecture '.*' was not found in the local cache",
                r"|Could not find satisfied version for ",
                r"|No matching version found for SemVer .* not found for distribution ",
                r"|.* is not available for this (?:platform|architecture|runner)).*)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(marked),
        Rule::new(
            K::Config,
            &[" with arch x64 not found", " with arch arm64 not found"],
            r"^(?:Error: )?(?P<message>Version \S+ with arch (?:x64|arm64) not found)$",
        )
        .weighing(Weight::Sign)
        .reading(marked),
        Rule::new(
            K::Infrastructure,
            &[
                "Cache service responded with ",
                "Failed to restore: ",
                "repository is over its data quota",
                "Failed to get ID token: ",
                "Could not get lock /var/lib/",
                "Unable to acquire the dpkg frontend lock",
            ],
            concat!(
                r"^\s*(?:Error: |E: )?(?P<message>(?:.*Cache service responded with [45]",
                r"|Failed to restore: |.*repository is over its data quota",
                r"|Failed to get ID token: |Could not get lock /var/lib/",
                r"|Unable to acquire the dpkg frontend lock).*)$",
            ),
        )
        .weighing(Weight::Sign)
        .reading(marked),
        Rule::new(
            K::Config,
            &[
                "into submodule path '",
                "Permission denied (publickey)",
                "No url found for submodule",
            ],
            concat!(
                r"^(?:\S+: )?(?:fatal: )?(?P<message>clone of '.+' into submodule path '.+' failed",
                r"|(?:\S+ )?Permission denied \(publickey\)\..*",
                r"|No url found for submodule path .+)$",
            ),
        )
        .weighing(Weight::Sign),
    ],
};

/// Where the runner marked the line, it is what failed; a warning of it is none.
fn marked(at: &At<'_>, mut draft: Draft, found: &mut Vec<Draft>) {
    if at.text().starts_with("Warning: ") {
        return;
    }
    // Uploading nothing is an error only where the workflow says so, and then mostly because what
    // should have been uploaded was never made.
    let uploads_nothing = draft.failure.message.starts_with("No files were found");
    match at.mark() {
        Mark::Error if uploads_nothing => draft.weight = Weight::Consequence,
        Mark::Error => draft.weight = Weight::Cause,
        Mark::Aside => return,
        Mark::None if uploads_nothing => return,
        Mark::None | Mark::Begin | Mark::End | Mark::Open | Mark::Close => {}
    }
    if let Some((_, rest)) = draft.failure.message.split_once(" is not valid. ")
        && let Some((path, rest)) = rest.split_once(" (Line: ")
        && let Some((row, rest)) = rest.split_once(", Col: ")
    {
        let column = rest.split(')').next().and_then(|column| column.parse().ok());
        let (path, row) = (path.to_owned(), row.parse().ok());
        draft.place(&path, row, column);
    }
    found.push(draft);
}

#[cfg(test)]
mod tests {
    use crate::evidence::tests::check;

    #[test]
    fn what_a_workflow_asks_for_and_is_not_there_is_configuration() {
        for said in [
            "A branch or tag with the name 'v9' could not be found",
            "Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '/w/.github/actions/x'.",
            "This request has been automatically failed because it uses a deprecated version of \
             `actions/upload-artifact: v2`.",
            "Input required and not supplied: token",
            "Unable to find Node version '99.x' for platform linux and architecture x64.",
            "Version 3.99 with arch x64 not found",
            "The specified go version file at: go.mod does not exist",
            "No files were found with the provided path: dist. No artifacts will be uploaded.",
        ] {
            check(&format!("##[error]{said}\n"), &format!("config {said}"));
        }
    }

    #[test]
    fn a_workflow_that_is_not_valid_is_placed() {
        check(
            "##[error]The template is not valid. .github/workflows/ci.yml (Line: 12, Col: 9): \
             Unexpected value 'foo'\n",
            "config .github/workflows/ci.yml:12:9 The template is not valid. \
             .github/workflows/ci.yml (Line: 12, Col: 9): Unexpected value 'foo'",
        );
    }

    #[test]
    fn what_a_service_refuses_is_infrastructure() {
        check(
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1234\n",
            "infrastructure Could not get lock /var/lib/dpkg/lock-frontend. It is held by process \
             1234",
        );
        check(
            "batch response: This repository is over its data quota.\n\
             error: failed to fetch some objects\n",
            "infrastructure batch response: This repository is over its data quota.",
        );
    }

    #[test]
    fn a_warning_of_them_is_no_failure() {
        check("##[warning]Failed to restore: Cache service responded with 503\n", "");
        check("Warning: Failed to restore: Cache service responded with 503\n", "");
        check("##[warning]No files were found with the provided path: dist.\n", "");
        check("No files were found with the provided path: dist.\n", "");
        check(
            "##[warning]Cache not found for input keys: a\nsrc/a.ts(1,2): error TS1: x\n",
            "type_error src/a.ts:1:2 [TS1] x",
        );
    }
}
