//! Figures: how well it goes, from what was recorded while it went on.
//!
//! Pure: records in, figures out. What is not known is not zero: a time that nobody recorded is left
//! out and counted as such, a cost without a green build to divide it by is no cost per green.
//!
//! A case's **class** is what failed in it; [`class_of`] is the one place that says what that is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::autonomy::Change;
use super::case::{Escalation, Excuse, Healed};
use super::cause::Cause;
use super::document::Stage;
use super::evidence::Evidence;
use super::false_fix::Sign;
use super::ids::{AttemptId, RepoSlug, Timestamp};

/// The class of a case of which nothing was read.
pub const UNREAD: &str = "unread";

/// What a case is about, when it is first read: whose fault it is where that is not the change's, else
/// the kind of what failed first.
pub fn class_of(evidence: &Evidence) -> &'static str {
    let kind = evidence.failures.first().map_or(UNREAD, |failure| failure.kind.as_str());
    match evidence.judgement.leading() {
        Cause::Change | Cause::Unknown => kind,
        cause @ (Cause::Base
        | Cause::Flaky
        | Cause::Infrastructure
        | Cause::Outage
        | Cause::CiConfig
        | Cause::Approval
        | Cause::Cancelled) => cause.as_str(),
    }
}

/// What a case was at when it entered a state, as far as figures go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Waiting for CI, for people, or for a runner.
    Waiting,
    /// The failed jobs run again.
    Rerunning,
    /// Reading what failed.
    Reading,
    /// An attempt is at work.
    Working,
    /// Our commit waits for CI's word.
    InCi,
    /// Green.
    Green(Healed),
    /// Not ours to heal.
    Excused,
    /// A person has to take over.
    Escalated,
    /// Stopped, overtaken or closed.
    Over,
}

impl Place {
    /// The place of a state, by its name and reason in tables; `None` for what nobody writes.
    pub fn parse(state: &str, reason: Option<&str>) -> Option<Self> {
        Some(match state {
            "watching" | "awaiting_approval" => Self::Waiting,
            "rerunning" => Self::Rerunning,
            "diagnosing" => Self::Reading,
            "healing" => Self::Working,
            "proving" => Self::InCi,
            "healed" => {
                let how = Healed::ALL.into_iter().find(|how| Some(how.as_str()) == reason)?;
                Self::Green(how)
            }
            "excused" => {
                Excuse::ALL.into_iter().find(|why| Some(why.as_str()) == reason)?;
                Self::Excused
            }
            "escalated" => {
                Escalation::ALL.into_iter().find(|why| Some(why.as_str()) == reason)?;
                Self::Escalated
            }
            "stopped" | "superseded" | "closed" => Self::Over,
            _ => return None,
        })
    }
}

/// What a runner was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It was let in.
    Admitted,
    /// It begins to prove: what comes before is done.
    ProvesFrom,
    /// A round of proving is over.
    ProvesTo,
    /// It has ended.
    Ended,
}

impl Mark {
    /// Every mark.
    pub const ALL: [Self; 4] = [Self::Admitted, Self::ProvesFrom, Self::ProvesTo, Self::Ended];

    /// The name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::ProvesFrom => "proves_from",
            Self::ProvesTo => "proves_to",
            Self::Ended => "ended",
        }
    }

    /// What the end of a stage says.
    pub const fn of_stage(stage: Stage) -> Option<Self> {
        match stage {
            Stage::Execute => Some(Self::ProvesFrom),
            Stage::Verify => Some(Self::ProvesTo),
            Stage::Triage | Stage::PreVerify | Stage::DevilsAdvocate => None,
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.as_str() == text)
    }
}

/// What was recorded of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRecord {
    /// The repository.
    pub repo: RepoSlug,
    /// What failed; `None`: nothing was read.
    pub class: Option<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// What it entered and when, in order; none of cases that an older release opened.
    pub places: Vec<(Timestamp, Place)>,
    /// Where it is now.
    pub now: Place,
    /// What its runners were heard of, in order.
    pub marks: Vec<(Timestamp, Mark)>,
    /// How many attempts were begun.
    pub attempts: u32,
    /// What its model calls are charged with, in billionths of a dollar.
    pub cost_nanos: u64,
    /// Signs against its fixes.
    pub signs: Vec<(AttemptId, Sign)>,
}

impl CaseRecord {
    fn has(&self, place: Place) -> bool {
        self.now == place || self.places.iter().any(|(_, known)| *known == place)
    }

    /// Whether there was something for us to heal: an attempt was begun, or a person has to take over.
    fn is_eligible(&self) -> bool {
        self.attempts > 0 || self.has(Place::Escalated)
    }
}

/// Where the time from red to green went, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Split {
    /// All of it.
    pub whole: i64,
    /// Waiting: for CI to settle, a runner, people.
    pub waiting: i64,
    /// Reading what failed.
    pub reading: i64,
    /// Fixing.
    pub fixing: i64,
    /// Proving it, before it is committed.
    pub proving: i64,
    /// CI on the commit.
    pub ci: i64,
}

/// Where the time went until a fix of ours was green; `None` when it never was, or nobody knows.
pub fn split(case: &CaseRecord) -> Option<Split> {
    let green = Place::Green(Healed::ByUs);
    let end = case.places.iter().position(|(_, place)| *place == green)?;
    let mut split = Split::default();
    let spans = case.places.iter().zip(case.places.get(1..=end)?);
    for ((from, place), (to, _)) in spans.take(end) {
        let span = to.since_ms(*from).max(0);
        split.whole += span;
        match place {
            Place::Reading => split.reading += span,
            Place::InCi => split.ci += span,
            Place::Working => at_work(case, (*from, *to), &mut split),
            Place::Waiting
            | Place::Rerunning
            | Place::Green(_)
            | Place::Excused
            | Place::Escalated
            | Place::Over => split.waiting += span,
        }
    }
    Some(split)
}

/// Takes the time of an attempt apart: until a runner is there it waits, then it fixes, and proves
/// between the marks; what follows its end (the gate, the commit) is part of the proof.
fn at_work(case: &CaseRecord, (from, to): (Timestamp, Timestamp), split: &mut Split) {
    let mut at = from;
    let mut doing: fn(&mut Split) -> &mut i64 = |split| &mut split.waiting;
    for (when, mark) in case.marks.iter().filter(|(when, _)| *when >= from && *when <= to) {
        *doing(split) += when.since_ms(at).max(0);
        at = *when;
        doing = match mark {
            Mark::Admitted | Mark::ProvesTo => |split| &mut split.fixing,
            Mark::ProvesFrom | Mark::Ended => |split| &mut split.proving,
        };
    }
    *doing(split) += to.since_ms(at).max(0);
}

/// Half of them took at most `p50`, nine of ten at most `p90`; in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// The middle.
    pub p50_ms: i64,
    /// Nine of ten.
    pub p90_ms: i64,
}

fn quantiles(mut all: Vec<i64>) -> Option<Quantiles> {
    all.sort_unstable();
    let rank = |tenths: usize| all.get((all.len() * tenths).div_ceil(10).max(1) - 1).copied();
    Some(Quantiles { p50_ms: rank(5)?, p90_ms: rank(9)? })
}

/// Times until a fix of ours was green.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Times {
    /// Of how many cases they are known.
    pub cases: u64,
    /// From the moment that something red was seen.
    pub whole: Quantiles,
    /// Of that, waiting: for CI to settle, a runner, people.
    pub waiting: Quantiles,
    /// Of that, reading what failed.
    pub reading: Quantiles,
    /// Of that, fixing.
    pub fixing: Quantiles,
    /// Of that, proving it before it is committed.
    pub proving: Quantiles,
    /// Of that, CI on the commit.
    pub ci: Quantiles,
}

fn times(splits: &[Split]) -> Option<Times> {
    let of = |part: fn(&Split) -> i64| quantiles(splits.iter().map(part).collect());
    Some(Times {
        cases: splits.len() as u64,
        whole: of(|split| split.whole)?,
        waiting: of(|split| split.waiting)?,
        reading: of(|split| split.reading)?,
        fixing: of(|split| split.fixing)?,
        proving: of(|split| split.proving)?,
        ci: of(|split| split.ci)?,
    })
}

/// The figures of some cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// How many cases were opened.
    pub cases: u64,
    /// In how many of them there was something for us to heal.
    pub eligible: u64,
    /// How many a commit of ours made green.
    pub healed: u64,
    /// How many running the failed jobs again made green: attempts that nobody had to make.
    pub reruns_saved: u64,
    /// How many a person had to take over.
    pub escalated: u64,
    /// How many fixes turned out wrong.
    pub false_fixes: u64,
    /// What showed that; one fix may have several signs.
    pub signs: BTreeMap<&'static str, u64>,
    /// How long it took to green; absent when nobody knows.
    pub time_to_green: Option<Times>,
    /// What model calls are charged with, in billionths of a dollar.
    pub cost_nanos: u64,
    /// The same for each case that a commit of ours made green; absent where there is none.
    pub cost_nanos_per_green: Option<u64>,
}

/// The figures of these cases.
pub fn figures<'a>(cases: impl IntoIterator<Item = &'a CaseRecord>) -> Figures {
    let cases: Vec<&CaseRecord> = cases.into_iter().collect();
    let count =
        |is: &dyn Fn(&CaseRecord) -> bool| cases.iter().filter(|case| is(case)).count() as u64;
    let healed = count(&|case| case.has(Place::Green(Healed::ByUs)));
    let mut signs: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut wrong: BTreeSet<AttemptId> = BTreeSet::new();
    for (attempt, sign) in cases.iter().flat_map(|case| &case.signs) {
        wrong.insert(*attempt);
        *signs.entry(sign.as_str()).or_default() += 1;
    }
    let cost_nanos = cases.iter().map(|case| case.cost_nanos).fold(0, u64::saturating_add);
    let splits: Vec<Split> = cases.iter().filter_map(|case| split(case)).collect();
    Figures {
        cases: cases.len() as u64,
        eligible: count(&CaseRecord::is_eligible),
        healed,
        reruns_saved: count(&|case| case.has(Place::Green(Healed::ByRerun))),
        escalated: count(&|case| case.has(Place::Escalated)),
        false_fixes: wrong.len() as u64,
        signs,
        time_to_green: times(&splits),
        cost_nanos,
        cost_nanos_per_green: cost_nanos.checked_div(healed),
    }
}

/// The figures of a time, taken apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// From when on; milliseconds since 1970 UTC.
    pub since_ms: i64,
    /// Whether there were more cases than were looked at: then only the newest count.
    pub is_cut: bool,
    /// All of them.
    pub all: Figures,
    /// By what failed.
    pub by_class: BTreeMap<String, Figures>,
    /// By repository.
    pub by_repository: BTreeMap<String, Figures>,
    /// By the day on which they were opened, UTC.
    pub by_day: BTreeMap<String, Figures>,
    /// Changes of how much is done without a person, the newest first.
    pub autonomy: Vec<LevelChange>,
}

/// A change of how much is done without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LevelChange {
    /// When; milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The repository.
    pub repository: String,
    /// The class.
    pub class: String,
    /// From which level.
    pub from: &'static str,
    /// To which.
    pub to: &'static str,
    /// What made it, in words.
    pub because: String,
}

impl LevelChange {
    /// A change as figures tell it.
    pub fn of((repo, class, change): (RepoSlug, String, Change)) -> Self {
        let (from, to) = (change.from.as_str(), change.to.as_str());
        let (at_ms, because) = (change.at.millis(), change.because);
        Self { at_ms, repository: repo.to_string(), class, from, to, because }
    }
}

/// The figures of these cases, taken apart; `day` names the day of a moment.
pub fn stats(cases: &[CaseRecord], since: Timestamp, day: impl Fn(Timestamp) -> String) -> Stats {
    let by = |key: &dyn Fn(&CaseRecord) -> String| {
        let mut groups: BTreeMap<String, Vec<&CaseRecord>> = BTreeMap::new();
        for case in cases {
            groups.entry(key(case)).or_default().push(case);
        }
        groups.into_iter().map(|(key, group)| (key, figures(group))).collect()
    };
    Stats {
        since_ms: since.millis(),
        is_cut: false,
        all: figures(cases),
        by_class: by(&|case| case.class.clone().unwrap_or_else(|| UNREAD.to_owned())),
        by_repository: by(&|case| case.repo.to_string()),
        by_day: by(&|case| day(case.opened_at)),
        autonomy: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
