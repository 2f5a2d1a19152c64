//! What CI systems themselves print: where a step begins, how it ended, how the job ended.
//!
//! Each form as its system documents or prints it: GitLab, Azure, CircleCI, Buildkite, Jenkins,
//! TeamCity, Travis. Not for what programs say. The invariant: one look at a line's first byte
//! dismisses nearly every line, and no line is read as more than one saying.

use super::super::text::Clean;
use super::Verdict;

/// What a CI system says in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said<'t> {
    /// A step begins.
    Step(&'t str),
    /// A step begins whose name is the line below: the first of its script.
    Script,
    /// What runs whether or not a step failed before.
    After(&'t str),
    /// Several branches run at once and print at once.
    Parallel,
    /// They have ended.
    Joined,
    /// The current step ended.
    Ended(Verdict),
    /// The current step, which has this name, ended.
    Named(Verdict, &'t str),
    /// The current step ended, and what follows is another one.
    Over(Verdict, &'t str),
    /// The step that just began does not run, because one before it failed.
    Skipped,
    /// The job failed in one of its steps.
    JobFailed,
    /// Something else of its own.
    Own,
}

/// With what a job that passed ends.
const GREEN: [&str; 3] = ["Done. Your build exited with 0", "Job succeeded", "Finished: SUCCESS"];

/// What CI systems run after a job's own steps, whether or not one failed.
const AFTER: [&str; 12] = [
    "Running after",
    "after_script",
    "Saving cache",
    "archive_cache",
    "Uploading artifacts",
    "upload_artifacts",
    "Cleaning up",
    "cleanup_file_variables",
    "Declarative: Post Actions",
    "End of Pipeline",
    "Finalize Job",
    "Post-job: ",
];

/// What a line says about the job's steps.
pub(super) fn said<'t>(line: &Clean<'t>) -> Option<Said<'t>> {
    let text = line.text;
    match text.as_bytes().first()? {
        b'[' => jenkins(text),
        b'#' => sharp(text),
        b'~' => buildkite(text),
        b'^' if text.starts_with("^^^ +++") => Some(Said::Own),
        b't' if is_own(text) => Some(Said::Own),
        b'P' | b'S' if is_teamcity(line) => teamcity(text),
        b'A'..=b'Z' => sentence(text),
        _ => None,
    }
}

/// Whether a line says that the whole job passed.
pub(super) fn is_green(text: &str) -> bool {
    GREEN.iter().any(|green| text.starts_with(green))
}

/// Whether a step of this name runs after the job's own, whatever became of them.
pub(super) fn is_after(name: &str) -> bool {
    AFTER.iter().any(|after| name.starts_with(after))
}

/// Lines with which CI systems fold and time what programs print.
pub(in super::super) fn is_own(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b't') => text.starts_with("travis_time:") || text.starts_with("travis_fold:"),
        Some(b'[') => text.starts_with("[Pipeline] "),
        Some(b'^') => text.starts_with("^^^ +++"),
        _ => false,
    }
}

/// Jenkins: `[Pipeline] { (Stage)` and, of a classic job, `[shop] $ /bin/sh -xe /tmp/jenkins1.sh`.
fn jenkins(text: &str) -> Option<Said<'_>> {
    let Some(step) = text.strip_prefix("[Pipeline] ") else {
        let (_, command) = text.split_once("] $ ")?;
        let is_step = command.contains("/tmp/jenkins") || command.starts_with("cmd /c call ");
        return is_step.then_some(Said::Step(command));
    };
    Some(match step.trim_end() {
        "parallel" => Said::Parallel,
        "// parallel" => Said::Joined,
        "End of Pipeline" => Said::After("End of Pipeline"),
        step => match step.strip_prefix("{ (").and_then(|name| name.strip_suffix(')')) {
            Some(name) if name.starts_with("Branch: ") => Said::Own,
            Some(name) if is_after(name) => Said::After(name),
            Some(name) => Said::Step(name),
            None => Said::Own,
        },
    })
}

/// What `TeamCity`'s messages begin with that open or close something.
const FOLDS: [&str; 4] = ["block", "progress", "flow", "compilation"];

/// `CircleCI`: `#!/bin/bash -eo pipefail` above a step's script. `TeamCity`: messages that open and
/// close.
fn sharp(text: &str) -> Option<Said<'_>> {
    if let Some(shell) = text.strip_prefix("#!") {
        return shell.trim_end().ends_with(" -eo pipefail").then_some(Said::Script);
    }
    let message = text.strip_prefix("##teamcity[")?;
    FOLDS.iter().any(|fold| message.starts_with(fold)).then_some(Said::Own)
}

/// Buildkite: `~~~ Running commands`, the agent's own headers. A script's own, `--- ` and `+++ `,
/// look like a difference's and are not told apart.
fn buildkite(text: &str) -> Option<Said<'_>> {
    let name = text.strip_prefix("~~~ ")?;
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == ':').then_some(Said::Step(name))
}

/// Whether a line carries `TeamCity`'s `[Step 1/3]`: it has a step, but no job.
fn is_teamcity(line: &Clean<'_>) -> bool {
    line.columns.is_some_and(|(job, _)| job.is_empty())
}

/// `Process exited with code 1 (Step: Tests (Command Line))`, `Step Tests (Command Line) failed`.
fn teamcity(text: &str) -> Option<Said<'_>> {
    if let Some(name) = text.strip_prefix("Step ") {
        return Some(Said::Named(Verdict::Failed, name.strip_suffix(" failed")?));
    }
    let rest = text.strip_prefix("Process exited with code ")?;
    let verdict = verdict_of(rest);
    let name = rest.split_once(" (Step: ").and_then(|(_, name)| name.trim_end().strip_suffix(')'));
    Some(name.map_or(Said::Ended(verdict), |name| Said::Named(verdict, name)))
}

/// Whole sentences.
fn sentence(text: &str) -> Option<Said<'_>> {
    if text.starts_with("Exited with code exit status ")
        || (text.starts_with("Build step '") && text.ends_with(" marked build as failure"))
    {
        return Some(Said::Ended(Verdict::Failed));
    }
    if text.starts_with("ERROR: script returned exit code ") {
        return Some(Said::Ended(Verdict::Failed));
    }
    if let Some(code) = text.strip_prefix("CircleCI received exit code ") {
        return Some(Said::Over(verdict_of(code), ""));
    }
    if text.starts_with("The command \"") {
        let (_, code) = text.rsplit_once("exited with ")?;
        let said = code.starts_with(|c: char| c.is_ascii_digit());
        let name = text.split('"').nth(1).unwrap_or("");
        return said.then_some(Said::Over(verdict_of(code), name));
    }
    if text.starts_with("Stage \"") && text.ends_with(" skipped due to earlier failure(s)") {
        return Some(Said::Skipped);
    }
    let failed = text.starts_with("ERROR: Job failed")
        || text.starts_with("Finished: FAILURE")
        || text.starts_with("Done. Your build exited with ") && !text.ends_with(" 0.");
    failed.then_some(Said::JobFailed)
}

/// What an exit code, with anything after it, says.
fn verdict_of(code: &str) -> Verdict {
    let digits = code.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
    if digits.bytes().all(|digit| digit == b'0') { Verdict::Passed } else { Verdict::Failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Said<'_>>) {
        assert_eq!(said(&Clean { text, ..Clean::default() }), expected, "{text}");
    }

    #[test]
    fn what_ci_systems_say_of_their_steps_is_understood() {
        check("[Pipeline] { (Build)", Some(Said::Step("Build")));
        check("[Pipeline] { (Branch: Linux)", Some(Said::Own));
        check("[Pipeline] sh", Some(Said::Own));
        check("[Pipeline] // parallel", Some(Said::Joined));
        check("[Pipeline] { (Declarative: Post Actions)", {
            Some(Said::After("Declarative: Post Actions"))
        });
        let shell = "/bin/sh -xe /tmp/jenkins12.sh";
        check(&format!("[shop] $ {shell}"), Some(Said::Step(shell)));
        check("ERROR: script returned exit code 2", Some(Said::Ended(Verdict::Failed)));
        check("Stage \"Deploy\" skipped due to earlier failure(s)", Some(Said::Skipped));
        check("Stage \"Deploy\" skipped due to when conditional", None);
        check("Finished: FAILURE", Some(Said::JobFailed));
        check("Finished: UNSTABLE", None);
        check("#!/bin/bash -eo pipefail", Some(Said::Script));
        check("#!/bin/sh", None);
        check("Exited with code exit status 1", Some(Said::Ended(Verdict::Failed)));
        check("CircleCI received exit code 0", Some(Said::Over(Verdict::Passed, "")));
        check("~~~ Running commands", Some(Said::Step("Running commands")));
        check("~~~ ^ ~~~", None);
        check("The command \"make\" exited with 0.", Some(Said::Over(Verdict::Passed, "make")));
        check("ERROR: Job failed: exit code 1", Some(Said::JobFailed));
        check("##teamcity[blockOpened name='x']", Some(Said::Own));
        check("##teamcity[testFailed name='x']", None);
    }

    #[test]
    fn programs_may_speak_like_teamcity_outside_of_it() {
        check("Process exited with code 1", None);
        check("Step one failed", None);
        let columns = Some(("", "Step 1/2"));
        let line =
            Clean { text: "Process exited with code 1 (Step: a (b))", columns, ..Clean::default() };
        assert_eq!(said(&line), Some(Said::Named(Verdict::Failed, "a (b)")));
    }
}
