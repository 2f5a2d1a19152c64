//! Mending: a pull request of our own that heals a broken base branch, once for all that wait for it.
//!
//! Leases, cases, attempts and reports belong to pull requests, so what is broken on a base branch is
//! healed as the case of one that selfheal opens onto it. Its first commit has no content, because
//! GitHub takes no pull request without a commit: CI of it shows the failure on the base branch alone.
//!
//! Which pull request that is, is read from the forge and never from our own memory: it is our bot's,
//! from the branch that [`branch_of`] names, and its first commit and its text say what it is for.
//! Where anybody else has committed, it is theirs: its text stays as it is and it is never closed.

use sha2::{Digest as _, Sha256};

use super::case::{Case, CaseState};
use super::cause::{Base, BaseState, Cause};
use super::evidence::Evidence;
use super::failure::{Failure, Fingerprint};
use super::ids::{Branch, PrNumber, Sha, UserId};
use super::pull::{Ci, Pull, PullCommit, PullHead, PullState};

/// The trailer of the commit that such a pull request begins with.
pub const TRAILER: &str = "Selfheal-Mends";

/// What its branch is called, before the name of the base branch.
const PREFIX: &str = "selfheal/mend-";

/// Characters of the base branch's name in the name of ours.
const NAME_CHARS_MAX: usize = 100;

/// Hexadecimal digits that tell branches apart whose names look alike in ours.
const DIGITS: usize = 8;

/// Failures that a pull request says it is for; the first are the root causes.
const FAILURES_MAX: usize = 20;

/// Begins what its text says to us alone: what it is for.
const MARK: &str = "<!-- selfheal:mends";

/// Stands in the text of one that we have closed ourselves, in the place of [`MARK`].
pub const WITHDRAWN: &str = "<!-- selfheal:withdrawn -->";

/// The branch from which a base branch is mended; the same for every reading of that name.
pub fn branch_of(base: &Branch) -> Branch {
    let name = base.as_str();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let kept: String =
        name.chars().take(NAME_CHARS_MAX).map(|c| if plain(c) { c } else { '-' }).collect();
    let ours = if kept == name {
        format!("{PREFIX}{kept}")
    } else {
        let digest = hex::encode(Sha256::digest(name));
        format!("{PREFIX}{kept}-{}", &digest[..DIGITS])
    };
    Branch::parse(&ours).expect("invariant: letters, digits, and what names of branches may have")
}

/// Whether a pull request is there to mend the branch that it wants to go into.
pub fn is_mending(pull: &Pull, bot: UserId) -> bool {
    let is_from_here = pull.head.repo == Some(pull.repo.id);
    pull.author.id == bot && is_from_here && pull.head.branch == branch_of(&pull.base)
}

/// The same, as far as what is kept of a pull request tells: not who opened it.
pub fn is_named_so(pull: &PullHead) -> bool {
    pull.head.repo == Some(pull.repo.id) && pull.head.branch == branch_of(&pull.base)
}

/// What a pull request is there to mend, as its first commit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The base branch.
    pub base: Branch,
    /// Its commit on which that was seen.
    pub broken_at: Sha,
    /// What failed.
    pub failures: Vec<Fingerprint>,
}

impl Begun {
    /// The whole message of the commit.
    pub fn message(&self) -> String {
        let Self { base, broken_at, failures } = self;
        let short = broken_at.short();
        format!(
            "Begin to mend {base}\n\nCI of {base} is red at {short}. This commit has no content: CI of \
             it shows what\nfails there without any change.\n\n{TRAILER}: {base}@{broken_at}; \
             failures={}",
            listed(failures, ",")
        )
    }

    /// Reads it back.
    pub fn of(message: &str) -> Option<Self> {
        let line = message.lines().rev().find_map(|line| line.strip_prefix(TRAILER))?;
        let (place, failures) = line.strip_prefix(':')?.trim().split_once("; failures=")?;
        let (base, broken_at) = place.rsplit_once('@')?;
        Some(Self {
            base: Branch::parse(base).ok()?,
            broken_at: Sha::parse(broken_at).ok()?,
            failures: fingerprints(failures.split(',')),
        })
    }

    /// What the pull request's text says to us alone.
    pub fn mark(&self) -> String {
        format!("{MARK} {} -->", listed(&self.failures, " "))
    }
}

fn listed(failures: &[Fingerprint], between: &str) -> String {
    failures.iter().map(Fingerprint::as_str).collect::<Vec<_>>().join(between)
}

fn fingerprints<'a>(words: impl Iterator<Item = &'a str>) -> Vec<Fingerprint> {
    let is_one = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_hexdigit());
    let found = words.map(str::trim).filter(is_one).take(FAILURES_MAX);
    found.map(|word| Fingerprint::from_stored(word.to_owned())).collect()
}

/// What it is for, as its text says; `None` when that says so no more.
fn marked(body: &str) -> Option<Vec<Fingerprint>> {
    let line = body.lines().find_map(|line| line.trim().strip_prefix(MARK))?;
    Some(fingerprints(line.trim_end_matches("-->").split_whitespace()))
}

/// What it was begun for, while all of its commits are ours; `None` when it is a person's.
pub fn begun(commits: &[PullCommit], bot: UserId) -> Option<Begun> {
    let is_ours = commits.iter().all(|commit| commit.author == Some(bot));
    commits.first().filter(|_| is_ours).and_then(|first| Begun::of(&first.message))
}

/// Those failures of a pull request that its base branch has, too.
pub fn on_base(evidence: &Evidence) -> Vec<&Failure> {
    let judged = evidence.failures.iter().zip(&evidence.judgement.causes);
    judged.filter(|(_, judged)| judged.cause == Cause::Base).map(|(failure, _)| failure).collect()
}

/// By what these are known again.
pub fn prints(failures: &[&Failure]) -> Vec<Fingerprint> {
    let mut prints: Vec<Fingerprint> = Vec::new();
    for print in failures.iter().map(|failure| failure.fingerprint()) {
        if !prints.contains(&print) && prints.len() < FAILURES_MAX {
            prints.push(print);
        }
    }
    prints
}

/// A pull request that was once opened from our branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// As it is now.
    pub pull: Pull,
    /// Its text.
    pub body: String,
}

/// What is done about a broken base branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: a pull request from our branch is open.
    There(Box<Pull>),
    /// Nothing: a person has closed the last one, which was for the same.
    Declined(PrNumber),
    /// A pull request is opened.
    Begin,
}

/// What is done, after what was opened from our branch before, the newest first.
pub fn plan(before: Vec<Proposed>, bot: UserId, failures: &[Fingerprint]) -> Plan {
    let last = before.first().map(|last| {
        let is_closed = last.pull.state == PullState::Closed && is_mending(&last.pull, bot);
        // One that we have closed ourselves does not say any more what it was for.
        let declined = marked(&last.body).filter(|_| is_closed).unwrap_or_default();
        (last.pull.number, declined)
    });
    let is_open = |one: &Proposed| one.pull.state == PullState::Open;
    if let Some(open) = before.into_iter().find(is_open) {
        return Plan::There(Box::new(open.pull));
    }
    match last {
        Some((number, declined)) if !declined.is_empty() => {
            let is_same = failures.iter().all(|print| declined.contains(print));
            if is_same { Plan::Declined(number) } else { Plan::Begin }
        }
        Some(_) | None => Plan::Begin,
    }
}

/// Why a pull request that mends is not needed any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// The base branch is mended.
    Mended(Sha),
    /// What was red on the base branch is green without any change.
    Green,
    /// CI does not run on it, so nothing can be shown or proven.
    NoCi,
}

/// What is known of a pull request that mends.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Its commits, oldest first.
    pub commits: &'a [PullCommit],
    /// How CI stands on its head.
    pub ci: &'a Ci,
    /// The base branch.
    pub base: Option<&'a Base>,
    /// Its case.
    pub case: Option<&'a Case>,
    /// What failed on its first commit.
    pub evidence: Option<&'a Evidence>,
    /// How long nothing has happened on it.
    pub quiet_ms: i64,
    /// How long CI may take to start.
    pub ci_start_ms_max: i64,
}

/// Whether it is not needed any more, and why. What a person has stopped is left to people.
pub fn over(known: &Known<'_>) -> Option<Over> {
    if known.case.is_some_and(|case| matches!(case.state, CaseState::Stopped(_))) {
        return None;
    }
    if let Some(base) = known.base.filter(|base| is_mended(base, known.evidence)) {
        return Some(Over::Mended(base.at.clone()));
    }
    let is_bare = known.commits.len() == 1;
    match known.ci {
        Ci::Green if is_bare => Some(Over::Green),
        Ci::Nothing if is_bare && known.quiet_ms > known.ci_start_ms_max => Some(Over::NoCi),
        Ci::Nothing
        | Ci::Green
        | Ci::Pending { .. }
        | Ci::Red(_)
        | Ci::NeedsApproval(_)
        | Ci::Cancelled(_) => None,
    }
}

/// Whether nothing is left on the base branch of what failed.
fn is_mended(base: &Base, evidence: Option<&Evidence>) -> bool {
    match (&base.state, evidence) {
        (BaseState::Green, _) => true,
        (BaseState::Red(red), Some(evidence)) => {
            let is_there = |failure: &Failure| {
                red.failures.contains(&failure.fingerprint())
                    || failure.source.jobs.iter().any(|job| red.unread.contains(job))
            };
            !evidence.failures.is_empty() && !evidence.failures.iter().any(is_there)
        }
        (BaseState::Red(_) | BaseState::Running | BaseState::Unknown(_), _) => false,
    }
}

#[cfg(test)]
mod tests;
