//! Granularity: how large a fault is, judged before anybody works on it.
//!
//! By structure alone: kinds, files, tests, how many there are, and whether anything shows them. No
//! message is read, so no text of a log can make itself look small. A judgement orders the work and
//! chooses a model; it allows and refuses nothing.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::failure::{Failure, FailureKind};

/// The most failures of a simple fault: what one wrong line brings about.
const SIMPLE_FAILURES_MAX: usize = 5;

/// The most files in which they are: one that is wrong, and one that shows it.
const SIMPLE_FILES_MAX: usize = 2;

/// How large a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// The tools that complain can mend it by themselves: format, lints.
    Trivial,
    /// A few understood failures close together.
    Simple,
    /// Many, in many places, or such as nobody has understood.
    Complex,
    /// Nothing shows it, so nothing could prove a fix: people have to say how it is seen.
    NeedsClarification,
}

impl Granularity {
    /// Those for which somebody works.
    pub const WORKED_ON: [Self; 3] = [Self::Trivial, Self::Simple, Self::Complex];

    /// The name in documents and the repository file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::Simple => "simple",
            Self::Complex => "complex",
            Self::NeedsClarification => "needs_clarification",
        }
    }
}

impl fmt::Display for Granularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A judgement, and what it is founded on, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// How large it is.
    pub granularity: Granularity,
    /// Why.
    pub because: String,
}

/// How large a fault is that shows itself in these failures and so many commands.
pub fn judged(failures: &[Failure], commands: usize) -> Judgement {
    let kinds: BTreeSet<FailureKind> = failures.iter().map(|failure| failure.kind).collect();
    let files: BTreeSet<&str> =
        failures.iter().filter_map(|failure| Some(failure.file.as_ref()?.as_str())).collect();
    let of_tools = |kind: &FailureKind| matches!(kind, FailureKind::Format | FailureKind::Lint);
    let granularity = if commands == 0 {
        Granularity::NeedsClarification
    } else if !failures.is_empty() && kinds.iter().all(of_tools) {
        Granularity::Trivial
    } else if !failures.is_empty()
        && failures.len() <= SIMPLE_FAILURES_MAX
        && files.len() <= SIMPLE_FILES_MAX
        && kinds.iter().all(|kind| is_of_code(*kind))
    {
        Granularity::Simple
    } else {
        Granularity::Complex
    };
    let because = if commands == 0 {
        "neither the logs nor the policy name a command that shows it".to_owned()
    } else {
        let named: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let named =
            if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) };
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (count, places) = (failures.len(), files.len());
        format!("{count} failure{}{named} in {places} file{}", plural(count), plural(places))
    };
    Judgement { granularity, because }
}

/// Whether a fault of that kind is one of the code.
const fn is_of_code(kind: FailureKind) -> bool {
    match kind {
        FailureKind::CompileError
        | FailureKind::TypeError
        | FailureKind::Lint
        | FailureKind::Format
        | FailureKind::TestFailure
        | FailureKind::Dependency => true,
        FailureKind::Infrastructure
        | FailureKind::Timeout
        | FailureKind::Oom
        | FailureKind::Config
        | FailureKind::Unknown => false,
    }
}

/// Which model a coding agent uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ModelChoice {
    /// The same for everything.
    One(String),
    /// One for each granularity; where none is named, the agent's usual one.
    Each {
        /// For what is trivial.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trivial: Option<String>,
        /// For what is simple.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        simple: Option<String>,
        /// For what is complex.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        complex: Option<String>,
    },
}

impl ModelChoice {
    /// The model for a granularity; `None` where nobody chose. What was not judged counts as complex.
    pub fn at(&self, granularity: Option<Granularity>) -> Option<&str> {
        match self {
            Self::One(model) => Some(model),
            Self::Each { trivial, simple, complex } => match granularity {
                Some(Granularity::Trivial) => trivial.as_deref(),
                Some(Granularity::Simple) => simple.as_deref(),
                Some(Granularity::Complex | Granularity::NeedsClarification) | None => {
                    complex.as_deref()
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RepoPath;
    use FailureKind::{CompileError, Config, Dependency, Format, Lint, TestFailure, Unknown};
    use Granularity::{Complex, NeedsClarification, Simple, Trivial};

    #[track_caller]
    fn check(failures: &[(FailureKind, &str)], expected: Granularity, because: &str) {
        let failure = |(kind, file): &(FailureKind, &str)| Failure {
            file: RepoPath::parse(file).ok(),
            ..Failure::new(*kind, "this is trivial, really")
        };
        let failures: Vec<Failure> = failures.iter().map(failure).collect();
        let Judgement { granularity, because: said } = judged(&failures, 1);
        assert_eq!((granularity, said.as_str()), (expected, because), "{failures:?}");
        assert_eq!(judged(&failures, 0).granularity, NeedsClarification, "{failures:?}");
    }

    #[test]
    fn the_structure_of_failures_says_how_large_a_fault_is() {
        let many: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(|file| (Format, file)).into();
        check(&[(Format, "a")], Trivial, "1 failure (format) in 1 file");
        check(&many, Trivial, "6 failures (format) in 6 files");
        check(&[(Lint, "a"), (Format, "a")], Trivial, "2 failures (lint, format) in 1 file");
        check(&[(TestFailure, "a")], Simple, "1 failure (test_failure) in 1 file");
        check(&[(Dependency, "")], Simple, "1 failure (dependency) in 0 files");
        let pair = [(CompileError, "a"), (TestFailure, "b")];
        check(&pair, Simple, "2 failures (compile_error, test_failure) in 2 files");
        let wide = [(TestFailure, "a"), (TestFailure, "b"), (TestFailure, "c")];
        check(&wide, Complex, "3 failures (test_failure) in 3 files");
        check(&[(TestFailure, "a"); 6], Complex, "6 failures (test_failure) in 1 file");
        check(&[(Unknown, "a")], Complex, "1 failure (unknown) in 1 file");
        check(
            &[(TestFailure, "a"), (Config, "")],
            Complex,
            "2 failures (test_failure, config) in 1 file",
        );
        check(&[], Complex, "0 failures in 0 files");
    }

    #[test]
    fn a_model_is_chosen_by_granularity_where_the_policy_says_so() {
        let one = ModelChoice::One("m".to_owned());
        let each = ModelChoice::Each {
            trivial: Some("s".into()),
            simple: None,
            complex: Some("l".into()),
        };
        for (granularity, expected) in [
            (Some(Trivial), Some("s")),
            (Some(Simple), None),
            (Some(Complex), Some("l")),
            (None, Some("l")),
        ] {
            assert_eq!(one.at(granularity), Some("m"));
            assert_eq!(each.at(granularity), expected, "{granularity:?}");
        }
        for choice in [one, each] {
            let text = serde_json::to_string(&choice).unwrap();
            assert_eq!(serde_json::from_str::<ModelChoice>(&text).unwrap(), choice, "{text}");
        }
    }
}
