//! Keys about how much is left to selfheal: what it may ask, what it may do again. Rows of the table
//! in [`super::keys`].

use super::forms::narrow;
use super::shape::{Key, Shape, group, key, number};
use crate::domain::feedback::QUESTIONS_MAX;
use crate::domain::policy::Remedies;

/// A month: a pull request that waits longer is nobody's.
const QUESTION_HOURS_MAX: u64 = 30 * 24;

pub(super) const QUESTIONS: Key =
    group("questions", None, "What a coding agent may ask people while it works.");

pub(super) const QUESTIONS_MOST: Key =
    number("questions.max", "questions", (0, QUESTIONS_MAX as u64), |d, n| {
        d.policy.questions.max = narrow(n);
    })
    .means(
        "The most questions at a time; with 0 nobody is asked, and an agent that cannot go on says \
         why and changes nothing.",
    )
    .like("1");

pub(super) const QUESTIONS_HOURS: Key =
    number("questions.hours", "hours", (1, QUESTION_HOURS_MAX), |d, n| {
        d.policy.questions.hours = narrow(n);
    })
    .means(
        "How long people have to answer; they are reminded twice. After that the case is theirs.",
    )
    .like("24");

pub(super) const REMEDIES: Key = key(
    "remedies",
    Shape::Choice(&[
        ("none", |d| d.policy.remedies = Remedies::None),
        ("repository", |d| d.policy.remedies = Remedies::Repository),
        ("owner", |d| d.policy.remedies = Remedies::Owner),
    ]),
)
.means(
    "Whether a fix that healed is kept and tried first when the same failure comes again: in this \
     repository, or in all repositories of the same owner that say `owner` as well. What a private \
     repository shares so, people who see only another one of them may see there.",
)
.like("owner");
