//! Keys about failures that are not the pull request's: what runs again, and what is broken on the
//! base branch.

use super::super::shape::{Key, Shape, group, key, number};
use super::narrow;
use crate::domain::policy::{HealBase, RERUNS_MAX, WhenMended};

/// What runs again.
pub(super) const RERUNS: Key = group(
    "reruns",
    None,
    "How often failed jobs of a commit run again before anything else is done.",
);

/// What comes and goes.
pub(super) const RERUNS_FLAKY: Key =
    number("reruns.flaky", "times", (0, RERUNS_MAX as u64), |d, n| {
        d.policy.reruns.flaky = narrow(n);
    })
    .means(
        "When everything that failed is known to come and go on the same commit; `selfheal flaky` \
         shows what is.",
    )
    .like("0");

/// What machines did.
pub(super) const RERUNS_INFRASTRUCTURE: Key = number(
    "reruns.infrastructure",
    "times",
    (0, RERUNS_MAX as u64),
    |d, n| {
        d.policy.reruns.infrastructure = narrow(n);
    },
)
.means(
    "When machines, networks or services failed. The first time at once, then after ten minutes, \
         then after an hour.",
)
.like("1");

/// What the base branch has, too.
pub(super) const BASE: Key = group("base", None, "Failures that the base branch has, too.");

/// Who heals it.
pub(super) const BASE_HEAL: Key = key(
    "base.heal",
    Shape::Choice(&[
        ("pull_request", |d| d.policy.base.heal = HealBase::PullRequest),
        ("off", |d| d.policy.base.heal = HealBase::Off),
    ]),
)
.means(
    "How a broken base branch is healed: by a pull request of selfheal's own from a branch \
     `selfheal/mend-…`, one for all pull requests that wait for it, or not at all.",
)
.like("off");

/// What follows for those who wait.
pub(super) const BASE_WHEN_MENDED: Key = key(
    "base.when_mended",
    Shape::Choice(&[
        ("tell", |d| d.policy.base.when_mended = WhenMended::Tell),
        ("update", |d| d.policy.base.when_mended = WhenMended::Update),
    ]),
)
.means(
    "When the base branch is mended: people are told in the pull request, or the base branch is \
     merged into it.",
)
.like("update");
