//! The tables: what there is a row for, ordered, so that a history replays exactly.

use std::collections::{BTreeMap, BTreeSet};

use selfheal::domain::ask::{Ask, Heed};
use selfheal::domain::attempt::{Attempt, RunnerReport};
use selfheal::domain::case::Case;
use selfheal::domain::document::Document;
use selfheal::domain::effect::{Effect, EffectResult};
use selfheal::domain::evidence::Evidence;
use selfheal::domain::ids::{
    AttemptId, CaseId, CommentId, EffectId, InstallationId, PrNumber, RepoId, Sha, Timestamp,
};
use selfheal::domain::patch::Patch;
use selfheal::domain::pull::{PullHead, Repo};
use selfheal::ports::forge::PublishedCheck;
use selfheal::ports::store::{InstallationState, NewDelivery};
use selfheal::ports::upkeep::Progress;

/// A pull request's key.
pub(super) type PullKey = (RepoId, PrNumber);

/// All tables. What is in them is read by the oracle, too.
#[derive(Default)]
pub(crate) struct Tables {
    pub(super) installations: BTreeMap<InstallationId, InstallationState>,
    pub(super) repos: BTreeMap<RepoId, RepoRow>,
    pub(super) deliveries: BTreeMap<String, DeliveryRow>,
    pub(super) pulls: BTreeMap<PullKey, PullRow>,
    pub(super) asks: BTreeMap<String, AskRow>,
    pub(crate) cases: BTreeMap<CaseId, Case>,
    pub(crate) attempts: BTreeMap<AttemptId, Attempt>,
    pub(super) reports: BTreeMap<AttemptId, ReportRow>,
    pub(super) documents: BTreeMap<AttemptId, Vec<Document>>,
    pub(super) identities: BTreeMap<String, i64>,
    pub(super) evidence: BTreeMap<(CaseId, String), Evidence>,
    pub(super) effects: BTreeMap<EffectId, EffectRow>,
    pub(super) keys: BTreeMap<String, EffectId>,
    pub(super) checks: BTreeMap<(RepoId, PrNumber, String), PublishedCheck>,
    pub(super) comments: BTreeMap<PullKey, CommentId>,
    pub(super) reconciler: ReconcilerRow,
    pub(super) lanes: Lanes,
    /// Raised with every change, so that a resting worker knows that nothing has happened.
    pub(crate) version: u64,
    /// What no code of ours may ask for: refused, and remembered for the oracle.
    pub(crate) inconsistencies: Vec<String>,
}

pub(super) struct RepoRow {
    pub(super) repo: Repo,
    pub(super) is_reachable: bool,
    pub(super) swept_at: Option<i64>,
    pub(super) sweep_due: i64,
}

/// How far reconciling has come, and who does it.
#[derive(Default)]
pub(super) struct ReconcilerRow {
    pub(super) held: Held,
    pub(super) due: i64,
    pub(super) progress: Progress,
}

/// Which repository was served last; the one after it comes next, round and round.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lane(Option<u64>);

impl Lane {
    /// What is served first has the least of these; work of no repository counts as of number 0.
    pub(super) fn turn(self, repo: u64) -> (bool, u64) {
        (self.0.is_some_and(|last| repo <= last), repo)
    }

    /// A repository was served.
    pub(super) fn served(&mut self, repo: u64) {
        self.0 = Some(repo);
    }
}

/// A round for each kind of work.
#[derive(Default)]
pub(super) struct Lanes {
    pub(super) deliveries: Lane,
    pub(super) effects: Lane,
    pub(super) pulls: Lane,
}

/// A lease as a row has it: nobody's while `until` is 0.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    pub(super) epoch: i64,
    pub(super) until: i64,
}

impl Held {
    /// Takes the lease, whoever had it.
    pub(super) fn take(&mut self, until: i64) -> i64 {
        self.epoch += 1;
        self.until = until;
        self.epoch
    }
}

/// What became of a delivery or an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowState {
    Pending,
    Done,
    Parked,
}

pub(super) struct DeliveryRow {
    pub(super) delivery: NewDelivery,
    pub(super) state: RowState,
    pub(super) tries: u32,
    /// How often it was begun since it last ended.
    pub(super) claims: u32,
    pub(super) due: i64,
    pub(super) error: Option<String>,
    pub(super) held: Held,
    pub(super) done_at: i64,
}

impl DeliveryRow {
    /// The repository whose turn it waits for.
    pub(super) fn repo(&self) -> u64 {
        self.delivery.repo.map_or(0, RepoId::get)
    }
}

pub(super) struct PullRow {
    pub(super) head: PullHead,
    pub(super) wake: Option<i64>,
    pub(super) tries: u32,
    pub(super) held: Held,
}

pub(super) struct AskRow {
    pub(super) of: PullKey,
    pub(super) ask: Ask,
    pub(super) answered_at: Option<i64>,
    pub(super) heed: Heed,
}

#[derive(Default)]
pub(super) struct ReportRow {
    pub(super) said: RunnerReport,
    pub(super) token: Option<(String, Timestamp)>,
    pub(super) work_in_progress: Option<Patch>,
}

pub(super) struct EffectRow {
    pub(super) effect: Effect,
    pub(super) state: RowState,
    pub(super) error: Option<String>,
    pub(super) revision: i64,
    pub(super) claimed_revision: i64,
    pub(super) tries: u32,
    pub(super) wanted_at: i64,
    pub(super) due: i64,
    pub(super) held: Held,
    pub(super) result: Option<EffectResult>,
    pub(super) done_at: i64,
}

impl Tables {
    /// A repository as it is called now.
    pub(super) fn named(&self, repo: &Repo) -> Repo {
        self.repos.get(&repo.id).map_or_else(|| repo.clone(), |row| row.repo.clone())
    }

    /// A pull request's facts, its repository as it is called now.
    pub(super) fn head_of(&self, row: &PullRow) -> PullHead {
        PullHead { repo: self.named(&row.head.repo), ..row.head.clone() }
    }

    /// Whether work on a repository can be claimed; one that nobody told of can.
    pub(super) fn can_be_used(&self, repo: RepoId) -> bool {
        let Some(row) = self.repos.get(&repo) else { return true };
        let state = self.installations.get(&row.repo.installation);
        row.is_reachable && state.is_none_or(|state| *state == InstallationState::Active)
    }

    /// Pull requests with an effect that somebody performs at that time.
    pub(super) fn busy(&self, now: i64) -> BTreeSet<(RepoId, PrNumber, EffectId)> {
        let busy = self.effects.iter().filter(|(_, row)| row.held.until > now);
        busy.filter_map(|(id, row)| Some((row.effect.repo.id, row.effect.number?, *id))).collect()
    }

    /// The row's key of what was read at a head.
    pub(super) fn read_key(case: CaseId, head: &Sha) -> (CaseId, String) {
        (case, head.as_str().to_owned())
    }
}

/// Text as both engines store it: PostgreSQL's has no NUL.
pub(super) fn text(given: &str) -> String {
    given.replace('\0', "\u{fffd}")
}
