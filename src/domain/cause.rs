//! Causes: whose fault each failure is, judged before anything is spent on it.
//!
//! A failure that is not the pull request's needs no fix there: what the base branch has too is
//! healed once, what a machine did runs again, what only a person can mend is told to that person.
//! [`judge`] is pure. It looks at kinds, places and fingerprints, at the base branch's CI and at what
//! running again has shown before. Never at whether a text sounds like a race: what is not known is
//! called unknown, and is healed like a fault of the change.
//!
//! The words of a log are looked at in two places: in [`needs_a_person`], where they can only make us do
//! less, and in [`came_with`], which comes to what any failure of the change does.

mod base;

use serde::{Deserialize, Serialize};

pub use base::{Base, BaseBreak, BaseRed, BaseState};

use super::failure::{CREDENTIALS, Failure, FailureKind};
use super::flakes::Past;
use super::ids::{Branch, RepoPath};
use super::subject::is_named_by;
use base::{had_begun, on_base};

/// Why something is red.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The change broke it.
    Change,
    /// The base branch has it, too.
    Base,
    /// It comes and goes on the same commit.
    Flaky,
    /// A machine or a limit of CI failed.
    Infrastructure,
    /// Something that CI fetches from elsewhere was not there.
    Outage,
    /// CI itself is set up wrongly, or lacks what only a person can give.
    CiConfig,
    /// Runs wait for somebody to approve them.
    Approval,
    /// Runs were cancelled, or a newer push took over.
    Cancelled,
    /// Nothing says.
    Unknown,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 9] = [
        Self::Change,
        Self::Base,
        Self::Flaky,
        Self::Infrastructure,
        Self::Outage,
        Self::CiConfig,
        Self::Approval,
        Self::Cancelled,
        Self::Unknown,
    ];

    /// The name in JSON, tables and figures.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Base => "base",
            Self::Flaky => "flaky",
            Self::Infrastructure => "infrastructure",
            Self::Outage => "outage",
            Self::CiConfig => "ci_config",
            Self::Approval => "approval",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// The name for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Change => "this change",
            Self::Base => "broken on the base branch",
            Self::Flaky => "flaky",
            Self::Infrastructure => "infrastructure",
            Self::Outage => "a dependency's outage",
            Self::CiConfig => "CI's configuration",
            Self::Approval => "waits for approval",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

/// What one failure is judged to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Whose fault it is.
    pub cause: Cause,
    /// Why, in words for people.
    pub why: String,
}

/// What all failures of a head are judged to be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Judgement {
    /// One for each failure, in their order; empty while nobody has judged.
    pub causes: Vec<Judged>,
    /// The base branch, where something is broken on it.
    #[serde(default)]
    pub base: Option<BaseBreak>,
    /// How often the failing command has to be green to prove a fix.
    #[serde(default)]
    pub runs: Option<u8>,
    /// The base branch, when the pull request is there to mend it.
    #[serde(default)]
    pub mends: Option<Branch>,
}

/// What is known beside the failures themselves.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Files that the pull request changes.
    pub changed_files: &'a [RepoPath],
    /// The base branch's CI; `None` where there is no base to compare with.
    pub base: Option<&'a Base>,
    /// The same of the commit that the pull request was made from, where that is an older one.
    pub began: Option<&'a Base>,
    /// What running again has shown in this repository.
    pub past: &'a [Past],
    /// What the same failures of the same runs were judged to be before.
    pub earlier: &'a Judgement,
    /// The base branch, when the pull request is there to mend it: what is broken there is its own.
    pub mends: Option<&'a Branch>,
}

/// Judges each failure.
pub fn judge(failures: &[Failure], known: &Known<'_>) -> Judgement {
    let mut judgement = Judgement { mends: known.mends.cloned(), ..Judgement::default() };
    for (index, failure) in failures.iter().enumerate() {
        let (judged, broken) = one(failure, index, known);
        judgement.causes.push(judged);
        // The last commit that is still broken says more than one that is mended.
        let is_open = |base: &BaseBreak| base.mended_at.is_none();
        if !judgement.base.as_ref().is_some_and(is_open) {
            judgement.base = broken.or(judgement.base);
        }
    }
    let of = |failure: &Failure| past_of(failure, known.past);
    judgement.runs =
        failures.iter().filter_map(of).map(|past| super::flakes::runs_to_prove(Some(past))).max();
    judgement
}

fn past_of<'a>(failure: &Failure, past: &'a [Past]) -> Option<&'a Past> {
    if past.is_empty() {
        return None; // fingerprints cost something
    }
    let fingerprint = failure.fingerprint();
    past.iter().find(|past| past.fingerprint == fingerprint)
}

fn one(failure: &Failure, index: usize, known: &Known<'_>) -> (Judged, Option<BaseBreak>) {
    let says = |cause: Cause, why: String| (Judged { cause, why }, None);
    if let Some(why) = came_with(failure, known) {
        return says(Cause::Change, why);
    }
    if needs_a_person(failure) {
        let why = "it lacks a right or a secret that only a person can give".to_owned();
        return says(Cause::CiConfig, why);
    }
    match failure.counts_as() {
        FailureKind::Infrastructure | FailureKind::Config if wants_fewer(failure) => {
            return says(Cause::Outage, "a server wants fewer requests".to_owned());
        }
        FailureKind::Infrastructure if is_fetched(failure) => {
            return says(Cause::Outage, "what CI fetches from elsewhere was not there".to_owned());
        }
        FailureKind::Infrastructure => {
            return says(Cause::Infrastructure, "a machine or a service of CI failed".to_owned());
        }
        FailureKind::Timeout => {
            return says(Cause::Infrastructure, "it ran longer than it may".to_owned());
        }
        FailureKind::Oom => return says(Cause::Infrastructure, "memory ran out".to_owned()),
        FailureKind::CompileError
        | FailureKind::TypeError
        | FailureKind::Lint
        | FailureKind::Format
        | FailureKind::TestFailure
        | FailureKind::Dependency
        | FailureKind::Config
        | FailureKind::Unknown => {}
    }
    if let Some((why, broken)) = on_base(failure, index, known) {
        return (Judged { cause: Cause::Base, why }, Some(broken));
    }
    if let Some((why, broken)) = had_begun(failure, known) {
        return (Judged { cause: Cause::Base, why }, Some(broken));
    }
    if failure.kind == FailureKind::Config {
        return says(Cause::CiConfig, "CI or a tool is set up wrongly".to_owned());
    }
    // What nobody understood looks alike everywhere, so it has no past of its own.
    let past = past_of(failure, known.past).filter(|_| failure.kind != FailureKind::Unknown);
    if let Some(past) = past.filter(|past| past.is_flaky()) {
        let counted = format!("gone in {} of {} runs on the same commit", past.gone, past.trials());
        let is_named = |path: &RepoPath| is_named_by(failure, path);
        if !is_touched(failure, known.changed_files) && !known.changed_files.iter().any(is_named) {
            return says(Cause::Flaky, counted);
        }
        let why = format!("{counted}, but this pull request changes it");
        return says(Cause::Change, why);
    }
    of_the_change(failure, known)
}

/// What is left: the change, where anything speaks for it.
fn of_the_change(failure: &Failure, known: &Known<'_>) -> (Judged, Option<BaseBreak>) {
    let says = |cause: Cause, why: String| (Judged { cause, why }, None);
    if failure.kind == FailureKind::Unknown {
        return says(Cause::Unknown, "the log was not understood".to_owned());
    }
    let is_touched = is_touched(failure, known.changed_files);
    match known.base {
        Some(Base { branch, at, state: BaseState::Green }) => {
            says(Cause::Change, format!("{branch} is green at {}", at.short()))
        }
        Some(Base { branch, at, state: BaseState::Red(_) }) => {
            says(Cause::Change, format!("{branch} is red at {}, but not with this", at.short()))
        }
        _ if is_touched => says(Cause::Change, "it is in a file that changes".to_owned()),
        Some(Base { branch, state: BaseState::Running, .. }) => {
            says(Cause::Unknown, format!("CI of {branch} has not ended"))
        }
        Some(Base { state: BaseState::Unknown(why), .. }) => {
            says(Cause::Unknown, (*why).to_owned())
        }
        None => says(Cause::Unknown, "there is no base to compare with".to_owned()),
    }
}

/// Whether the pull request changes the file that a failure is in.
fn is_touched(failure: &Failure, changed: &[RepoPath]) -> bool {
    failure.file.as_ref().is_some_and(|file| changed.contains(file))
}

/// Tools whose faults of infrastructure are those of servers that CI fetches from.
const FETCHING: [&str; 12] = [
    "network", "npm", "yarn", "pnpm", "pip", "uv", "poetry", "cargo", "go", "gradle", "maven",
    "apt",
];

fn is_fetched(failure: &Failure) -> bool {
    failure.tool.as_deref().is_some_and(|tool| FETCHING.contains(&tool))
}

/// Why the change is to blame for what reads as CI's own trouble: it names a file that changes, or the
/// image of a changed Dockerfile is not there and the base branch's is. What configures CI itself is
/// left out: no commit of ours may mend that.
fn came_with(failure: &Failure, known: &Known<'_>) -> Option<String> {
    let changes = |is: &dyn Fn(&RepoPath) -> bool| {
        known.changed_files.iter().find(|path| !path.as_str().starts_with(".github/") && is(path))
    };
    let is_config = failure.kind == FailureKind::Config;
    let is_infrastructure = failure.kind == FailureKind::Infrastructure;
    if is_config && let Some(path) = changes(&|path| is_told(&failure.message, path)) {
        return Some(format!("it names {path}, which this pull request changes"));
    }
    let is_green = known.base.is_some_and(|base| matches!(base.state, BaseState::Green));
    let lacks_image = failure.message.contains("repository does not exist");
    if (is_config || is_infrastructure)
        && (is_green && lacks_image)
        && let Some(path) = changes(&is_image)
    {
        return Some(format!("the image is not there, and {path} changes"));
    }
    None
}

/// Whether a text names that file, and no longer path that ends with it.
fn is_told(text: &str, path: &RepoPath) -> bool {
    text.match_indices(path.as_str()).any(|(at, name)| {
        let before = text[..at].strip_suffix("./").unwrap_or(&text[..at]).chars().next_back();
        let after = text[at + name.len()..].chars().next();
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '-' | '.');
        !before.is_some_and(goes_on) && !after.is_some_and(|c| c != '.' && goes_on(c))
    })
}

/// Whether a file says from which images others are made.
fn is_image(path: &RepoPath) -> bool {
    let name = path.as_str().rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let is_compose = name.contains("compose") && (name.ends_with("yml") || name.ends_with("yaml"));
    name.contains("dockerfile") || name.contains("containerfile") || is_compose
}

/// Words of servers that want fewer requests, whatever their status code.
const FEWER: [&str; 4] = ["rate limit", "rate-limit", "too many requests", "quota exceeded"];

fn wants_fewer(failure: &Failure) -> bool {
    let lower = failure.message.to_lowercase();
    FEWER.iter().any(|words| lower.contains(words))
}

/// Words of refusals that no run on any machine will ever get past.
const REFUSALS: [&str; 13] = [
    "is not authorized to perform",
    "401 Unauthorized",
    "403 Forbidden",
    "need auth ",
    "Username and password required",
    "Cannot perform an interactive login",
    "recent account payments have failed",
    "Resource not accessible by integration",
    "AccessDenied",
    "Bad credentials",
    "denied: requested access",
    "authentication required",
    "Input required and not supplied",
];

/// Whether it says that a right or a secret is missing.
fn needs_a_person(failure: &Failure) -> bool {
    let says = |words: &str| failure.message.contains(words);
    // git's own words; a server that only wants fewer requests may say 403 to others.
    let is_refused = says("unable to access '")
        && (says("requested URL returned error: 401") || says("requested URL returned error: 403"));
    matches!(failure.kind, FailureKind::Infrastructure | FailureKind::Config)
        && !wants_fewer(failure)
        && (is_refused
            || failure.tool.as_deref() == Some(CREDENTIALS)
            || REFUSALS.iter().any(|words| says(words)))
}

/// What a judgement means for the case as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Something is the change's fault, or may be: worth an attempt.
    Ours,
    /// All of it is the base branch's, which is still broken.
    BaseBroken,
    /// All of it was the base branch's, which is mended.
    BaseMended,
    /// All of it may be gone when it runs again, and something comes and goes.
    Flaky,
    /// All of it may be gone when it runs again: machines, limits, servers.
    Transient,
    /// A person has to mend CI.
    CiConfig,
}

impl Judgement {
    /// What it means for the case as a whole, in a repository that wants these kinds healed.
    pub fn standing(&self, failures: &[Failure], kinds: &[FailureKind]) -> Standing {
        let is_mended = self.base.as_ref().is_some_and(|base| base.mended_at.is_some());
        let is_wanted = |(judged, failure): (&Judged, &Failure)| match judged.cause {
            Cause::Change | Cause::Unknown => true,
            // The pull request that is there to mend it is the one that may not be excused.
            Cause::Base => self.mends.is_some() && !is_mended,
            // Whoever wants CI's configuration healed gets it, as far as a commit can.
            Cause::CiConfig => kinds.contains(&failure.kind),
            Cause::Flaky
            | Cause::Infrastructure
            | Cause::Outage
            | Cause::Approval
            | Cause::Cancelled => false,
        };
        let has = |cause: Cause| self.causes.iter().any(|judged| judged.cause == cause);
        if self.causes.is_empty() || self.causes.iter().zip(failures).any(is_wanted) {
            return Standing::Ours;
        }
        if has(Cause::CiConfig) {
            Standing::CiConfig
        } else if has(Cause::Base) && is_mended {
            Standing::BaseMended
        } else if has(Cause::Base) {
            Standing::BaseBroken
        } else if has(Cause::Flaky) {
            Standing::Flaky
        } else {
            Standing::Transient
        }
    }

    /// The cause that stands for all of it in figures: what decided.
    pub fn leading(&self) -> Cause {
        let order = [Cause::Change, Cause::Unknown, Cause::CiConfig, Cause::Base, Cause::Flaky];
        let has = |cause: &Cause| self.causes.iter().any(|judged| judged.cause == *cause);
        let first = self.causes.first().map_or(Cause::Unknown, |judged| judged.cause);
        order.into_iter().find(has).unwrap_or(first)
    }
}

#[cfg(test)]
mod tests;
