//! The first pull request to a repository: proposes a policy file and tells the rest.

/// Its title, and the subject of its commit.
pub const TITLE: &str = "Add a selfheal policy";

/// The branch that it comes from.
pub const BRANCH: &str = "selfheal/onboarding";

/// The proposed policy file: the defaults, written out with what they mean.
pub const POLICY: &str = include_str!("../../docs/selfheal.example.yml");

/// The pull request's text.
pub fn body(workflow: &str) -> String {
    format!(
        "selfheal is installed on this repository. When CI fails on a pull request, it reads the \
         logs, lets a fixer work in a sandbox, proves the fix red before and green after, and \
         commits it to the pull request. After three attempts it hands over to you.\n\n\
         Two files make it work:\n\n\
         1. `.github/selfheal.yml`, which this pull request adds: what may be healed, and how. \
         Every line in it is a default; change what you like. It is read from the base branch \
         only.\n\
         2. `.github/workflows/selfheal.yml`, the workflow in which attempts run. selfheal asks \
         for no permission to write workflows, so a person adds it:\n\n\
         <details><summary>.github/workflows/selfheal.yml</summary>\n\n````yaml\n{workflow}````\n\n\
         </details>\n\n\
         Nothing runs before that workflow is on the default branch. `/selfheal help` in a pull \
         request tells what can be asked.\n"
    )
}
