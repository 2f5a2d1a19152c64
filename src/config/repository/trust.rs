//! Keys about how much is left to selfheal: what it may ask, what it may do again. Rows of the table
//! in [`super::keys`].

use super::forms::narrow;
use super::shape::{Key, Shape, group, key, number};
use crate::domain::autonomy::{Bounds, Level};
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

pub(super) const AUTONOMY: Key = group(
    "autonomy",
    None,
    "How much is done without a person, for each class of failure by its record here: `observe` tells \
     of failures and makes an attempt when somebody asks, `suggest` lets every patch wait for a person, \
     `commit` commits what is proven and passes the gate.",
);

pub(super) const AUTONOMY_START: Key = key(
    "autonomy.start",
    Shape::Choice(&[
        ("observe", |d| d.policy.autonomy.start = Level::Observe),
        ("suggest", |d| d.policy.autonomy.start = Level::Suggest),
        ("commit", |d| d.policy.autonomy.start = Level::Commit),
    ]),
)
.means("Where a class begins that has no record yet.")
.like("suggest");

pub(super) const AUTONOMY_LEAST: Key = key(
    "autonomy.least",
    Shape::Choice(&[
        ("observe", |d| d.policy.autonomy.least = Level::Observe),
        ("suggest", |d| d.policy.autonomy.least = Level::Suggest),
        ("commit", |d| d.policy.autonomy.least = Level::Commit),
    ]),
)
.means("It is never lowered below this; with `commit` the record changes nothing.")
.like("observe");

pub(super) const AUTONOMY_MOST: Key = key(
    "autonomy.most",
    Shape::Choice(&[
        ("observe", |d| d.policy.autonomy.most = Level::Observe),
        ("suggest", |d| d.policy.autonomy.most = Level::Suggest),
        ("commit", |d| d.policy.autonomy.most = Level::Commit),
    ]),
)
.means("It is never raised above this.")
.like("suggest");

/// What is wrong with levels: the key, its value, and what is allowed there.
pub(super) fn disorder(bounds: Bounds) -> Option<(&'static str, Level, String)> {
    let Bounds { start, least, most } = bounds;
    if least > most {
        let allowed = format!("at most `{}`, which is `autonomy.most`", most.as_str());
        return Some(("autonomy.least", least, allowed));
    }
    if start < least || start > most {
        let (least, most) = (least.as_str(), most.as_str());
        let allowed = format!("from `{least}` (`autonomy.least`) to `{most}` (`autonomy.most`)");
        return Some(("autonomy.start", start, allowed));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::repository::{check, parse};

    #[track_caller]
    fn bad(file: &str, expected: &str) {
        let problems = check(file).expect_err("the file is good");
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(said, [expected], "{file}");
    }

    #[test]
    fn levels_that_contradict_each_other_are_a_mistake_and_what_is_not_said_follows() {
        bad(
            "autonomy:\n  least: commit\n  most: suggest",
            "line 2, `autonomy.least: commit`: allowed is at most `suggest`, which is `autonomy.most`",
        );
        bad(
            "autonomy: {start: observe}",
            "line 1, `autonomy.start: observe`: allowed is from `suggest` (`autonomy.least`) to \
             `commit` (`autonomy.most`)",
        );
        let levels = |file: &str| {
            let bounds = parse(file).unwrap().autonomy;
            [bounds.least, bounds.start, bounds.most].map(Level::as_str)
        };
        assert_eq!(levels("version: 1"), ["suggest", "commit", "commit"]);
        assert_eq!(levels("autonomy: {most: suggest}"), ["suggest", "suggest", "suggest"]);
        assert_eq!(levels("autonomy: {most: observe}"), ["observe", "observe", "observe"]);
        assert_eq!(levels("autonomy: {least: observe}"), ["observe", "commit", "commit"]);
    }
}
