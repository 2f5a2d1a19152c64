//! Reports: every text that a person sees, made in one place from a case.
//!
//! Pure: a [`Story`] goes in, views come out. A report says what happened, why, and what to do
//! next; it never blames a person, and our own trouble never looks red. Everything that strangers
//! wrote passes through [`markdown`].

mod annotations;
mod check;
mod comment;
mod elsewhere;
pub mod failures;
pub mod findings;
pub mod markdown;
pub mod mending;
pub mod onboarding;
mod proven;
mod reply;
mod sayings;
mod sections;

pub use crate::domain::diff::unified;
pub use check::check;
pub use comment::{COMMENT_MARKER, comment, deserves_comment, reminder};
pub use elsewhere::{
    green_without_case, left_behind, waiting_for_approval, waiting_for_forge, waiting_for_room,
};
pub use reply::{help, reply};

use crate::domain::attempt::AttemptRecord;
use crate::domain::autonomy::Change;
use crate::domain::case::Case;
use crate::domain::evidence::Evidence;
use crate::domain::gate::Verdict;
use crate::domain::policy::Policy;
use crate::domain::pull::Ci;

/// Everything that a report may tell.
#[derive(Debug, Clone, Copy)]
pub struct Story<'a> {
    /// The case.
    pub case: &'a Case,
    /// Its attempts, by number.
    pub attempts: &'a [AttemptRecord],
    /// What was read.
    pub evidence: Option<&'a Evidence>,
    /// What the gate said about beginning.
    pub before: Option<&'a Verdict>,
    /// The repository's policy.
    pub policy: &'a Policy,
    /// What is wrong with the policy file, in words.
    pub policy_problem: Option<&'a str>,
    /// How CI stands.
    pub ci: &'a Ci,
    /// The diff of the patch that waits for a person's word.
    pub diff: Option<&'a str>,
    /// Changes of how much is done without a person, told with this case.
    pub changes: &'a [Change],
}

#[cfg(test)]
mod tests;
