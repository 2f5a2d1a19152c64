//! Autonomy: how much of the way selfheal goes by itself, earned by class of failure and repository.
//!
//! A plain rule over the record, no model and no guess. Fixes that were accepted raise it, fixes that
//! turned out wrong lower it, one level at a time, within what the policy allows. The invariants: a
//! change is made by one thing that happened and says which; what happened before the last change
//! counts no more, so nothing is counted twice and nothing flaps; and it is raised by fixes alone that
//! were made since.

use super::evidence::Evidence;
use super::false_fix::Sign;
use super::figures::class_of;
use super::ids::{AttemptId, PrNumber, RepoId, Sha, Timestamp};

/// So many fixes in a row have to be accepted before more is done without asking.
pub const RAISE_AFTER: u32 = 5;

/// A green fix is accepted when nothing speaks against it for so long: people need days to look.
pub const SETTLES_MS: i64 = 3 * 24 * 60 * 60 * 1000;

/// So many fixes in a row that CI speaks against, and no person, lower it, too: one may be bad luck,
/// three are as many as a case has attempts.
pub const DOUBTS_MAX: u32 = 3;

/// Fixes of a class that are looked at, the newest: only those since the last change count.
pub const FIXES_READ_MAX: u32 = 200;

/// How much is done without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A failure is judged and told of; an attempt is made when somebody asks.
    Observe,
    /// An attempt is made; its patch waits for a person.
    Suggest,
    /// What is proven and passes the gate is committed.
    Commit,
}

impl Level {
    /// Every level, the lowest first.
    pub const ALL: [Self; 3] = [Self::Observe, Self::Suggest, Self::Commit];

    /// The name in tables, policies and figures.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Suggest => "suggest",
            Self::Commit => "commit",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }

    const fn above(self) -> Self {
        match self {
            Self::Observe => Self::Suggest,
            Self::Suggest | Self::Commit => Self::Commit,
        }
    }

    const fn below(self) -> Self {
        match self {
            Self::Commit => Self::Suggest,
            Self::Suggest | Self::Observe => Self::Observe,
        }
    }
}

/// What a repository allows; `least` is never above `start`, nor `start` above `most`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Where a class without a record begins.
    pub start: Level,
    /// It is never lowered below this.
    pub least: Level,
    /// It is never raised above this.
    pub most: Level,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { start: Level::Commit, least: Level::Suggest, most: Level::Commit }
    }
}

/// A fix of a class in a repository, and what is known of it since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The attempt.
    pub attempt: AttemptId,
    /// The pull request.
    pub number: PrNumber,
    /// The commit, where there is one.
    pub commit: Option<Sha>,
    /// When CI was last green on it.
    pub green_at: Option<Timestamp>,
    /// What speaks against it, and when that was heard of.
    pub signs: Vec<(Sign, Timestamp)>,
}

/// A level that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When what made it happened.
    pub at: Timestamp,
    /// From which level.
    pub from: Level,
    /// To which.
    pub to: Level,
    /// What made it, in words.
    pub because: String,
}

/// What is kept of a class in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The last change.
    pub last: Option<Change>,
    /// Fixes that are green or that something speaks against; at most [`FIXES_READ_MAX`].
    pub fixes: Vec<Fix>,
}

/// Changes that a step has found, to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The repository.
    pub repo: RepoId,
    /// The class.
    pub class: &'static str,
    /// What changed, in order.
    pub changes: Vec<Change>,
}

/// Where a class stands in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The class.
    pub class: &'static str,
    /// The level that counts now.
    pub level: Level,
    /// The highest that the policy allows.
    pub most: Level,
    /// Why it is where it is, in words.
    pub because: String,
    /// Changes that nobody has kept yet, in order.
    pub changes: Vec<Change>,
}

/// What a fix says, once something is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Says {
    /// A person speaks against it.
    Wrong(Sign),
    /// CI or a push speaks against it.
    Doubted(Sign),
    /// Nothing spoke against it for long enough.
    Accepted,
}

/// Whether a person gave the sign, or CI or a push showed it. What those show may have other reasons:
/// somebody has made the same mistake again, or has a new idea.
const fn says(sign: Sign) -> Says {
    match sign {
        Sign::Undone | Sign::Reverted | Sign::Rejected => Says::Wrong(sign),
        Sign::RedAgain | Sign::Contradicted | Sign::Superseded => Says::Doubted(sign),
    }
}

impl Fix {
    /// What it says and when: one thing for it, and the gravest that speaks against it.
    fn events(&self) -> impl Iterator<Item = (Timestamp, Says, &Self)> {
        let first = self.signs.iter().map(|(_, at)| *at).min();
        let accepted = self.green_at.map(|at| at.plus_ms(SETTLES_MS));
        let accepted = accepted.filter(|at| first.is_none_or(|first| first > *at));
        let gravest = self.signs.iter().map(|(sign, at)| (says(*sign), *at)).min();
        let gravest = gravest.map(|(says, at)| (at, says, self));
        accepted.map(|at| (at, Says::Accepted, self)).into_iter().chain(gravest)
    }

    fn words(&self) -> String {
        let commit = self.commit.as_ref().map(|commit| format!(" ({})", commit.short()));
        format!("pull request {}{}", self.number, commit.unwrap_or_default())
    }
}

/// Where a class stands, by its record: the rule itself.
pub fn standing(evidence: &Evidence, record: &Record, bounds: &Bounds, now: Timestamp) -> Standing {
    let since = record.last.as_ref().map(|change| change.at);
    let kept = record.last.as_ref().map_or(bounds.start, |change| change.to);
    let mut level = kept.clamp(bounds.least, bounds.most);
    let mut events: Vec<(Timestamp, Says, &Fix)> = record
        .fixes
        .iter()
        .flat_map(Fix::events)
        .filter(|(at, ..)| since.is_none_or(|since| *at > since) && *at <= now)
        .collect();
    events.sort_by_key(|(at, says, fix)| (*at, *says, fix.attempt));
    let (mut accepted, mut doubts) = (0_u32, 0_u32);
    // A row begins after the last change, and after the last thing that spoke against a fix.
    let mut row_since = since;
    let mut changes: Vec<Change> = Vec::new();
    for (at, says, fix) in events {
        // What happened in one moment, as when several fixes are taken back at once, is one thing.
        if changes.last().is_some_and(|change| change.at == at) {
            continue;
        }
        let (to, because) = match says {
            Says::Accepted if fix.green_at <= row_since => continue,
            Says::Accepted => {
                (accepted, doubts) = (accepted + 1, 0);
                if accepted < RAISE_AFTER {
                    continue;
                }
                let because = format!(
                    "{accepted} fixes in a row were accepted, the last one of {}",
                    fix.words()
                );
                (level.above().min(bounds.most), because)
            }
            Says::Wrong(sign) => (level.below().max(bounds.least), wrong(sign, fix)),
            Says::Doubted(sign) => {
                (accepted, doubts, row_since) = (0, doubts + 1, Some(at));
                if doubts < DOUBTS_MAX {
                    continue;
                }
                let because =
                    format!("{doubts} fixes in a row did not hold, at last {}", wrong(sign, fix));
                (level.below().max(bounds.least), because)
            }
        };
        (accepted, doubts, row_since) = (0, 0, Some(at));
        if to != level {
            changes.push(Change { at, from: level, to, because });
            level = to;
        }
    }
    let last = changes.last().or(record.last.as_ref()).filter(|change| change.to == level);
    let because = last.map_or_else(
        || format!("the policy says `{}`", level.as_str()),
        |change| change.because.clone(),
    );
    Standing { class: class_of(evidence), level, most: bounds.most, because, changes }
}

fn wrong(sign: Sign, fix: &Fix) -> String {
    let of = fix.words();
    match sign {
        Sign::Undone => format!("the fix of {of} was taken back"),
        Sign::Reverted => format!("the fix of {of} was reverted"),
        Sign::Rejected => format!("the patch for {of} was rejected"),
        Sign::RedAgain => format!("what the fix of {of} had mended failed again"),
        Sign::Contradicted => format!("CI was red on the fix of {of}"),
        Sign::Superseded => format!("somebody wrote other lines over the fix of {of}"),
    }
}

impl Standing {
    /// What a person is told while not everything is done without one.
    pub fn words(&self) -> String {
        let Self { class, because, .. } = self;
        let what = match self.level {
            Level::Observe => format!("failures of class `{class}` are only reported here"),
            Level::Suggest => format!("fixes of class `{class}` wait for a person here"),
            Level::Commit => format!("fixes of class `{class}` are committed here"),
        };
        let then = if self.level < self.most {
            format!("; {RAISE_AFTER} accepted fixes in a row raise that")
        } else {
            String::new()
        };
        format!("{what}, because {because}{then}")
    }
}

impl Change {
    /// The change in one line.
    pub fn words(&self) -> String {
        let how = if self.to > self.from { "raised" } else { "lowered" };
        let (from, to) = (self.from.as_str(), self.to.as_str());
        format!("{how} from {from} to {to}: {}", self.because)
    }
}

#[cfg(test)]
mod tests;
