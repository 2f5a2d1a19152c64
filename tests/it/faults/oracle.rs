//! The oracle of the fault suite: what GitHub has on record, what the files of every head say, and
//! what the database holds. It is asked when nothing fails any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use selfheal::domain::case::CaseState;
use selfheal::domain::ids::{AttemptId, DeliveryId, PrNumber, RepoId};
use selfheal::forge::github::inbound::GithubInbound;
use selfheal::ports::inbound::Inbound as _;
use selfheal::ports::store::Store as _;
use selfheal::ports::upkeep::Upkeep as _;
use selfheal::service::reconcile;
use selfheal::store::{Migrate, SqlStore};
use world::Pull;

use super::Suite;
use super::misfortune::Database;
use super::surroundings::{HASTE, SPEED};
use crate::stories::BAD;

/// Three attempts a case.
const ATTEMPTS_MAX: usize = 3;

/// How often a server asks whether a turn of reconciling is due, by the program's own waiting.
const ASK_MS: i64 = 30_000;

/// What was tried in vain is tried again after this long at most.
const PAUSE_MS_MAX: i64 = 10 * 60_000;

/// What the work itself may take that is found last: a minute of the machine's time, for three
/// attempts in a row on a machine that has other things to do.
const WORK_MS_MAX: i64 = 60_000 * SPEED;

/// How long everything may take to come to rest, by the world's time: a period of reconciling and
/// the asking for it, a pause, and the work. What a clock that was ahead has put off stays put off
/// for as long as it was ahead.
pub(super) fn rest_ms_max(ahead_ms: i64) -> i64 {
    let asking = ASK_MS / HASTE * SPEED;
    ahead_ms + reconcile::EVERY_MS + asking + PAUSE_MS_MAX + WORK_MS_MAX
}

/// Who looks at the database.
pub(super) struct Judge {
    store: Arc<SqlStore>,
}

impl Judge {
    pub(super) async fn of(database: &Database) -> Self {
        Self { store: SqlStore::open(&database.url(), Migrate::No).await.unwrap() }
    }

    pub(super) async fn close(self) {
        self.store.close().await;
    }

    /// What is still to happen; `None` when nothing is: every head is where it stays, its check run
    /// says its last word, every webhook was heard of, and nothing waits.
    pub(super) async fn waits_for(&self, suite: &Suite) -> Option<String> {
        if !suite.world.queued_webhooks().is_empty() {
            return Some("webhooks are on their way".to_owned());
        }
        if !suite.world.dispatched(&suite.repository).is_empty() {
            return Some("runners are at work".to_owned());
        }
        for (pull, _) in &suite.pulls {
            if let Some(why) = self.goes_on(suite, pull).await {
                return Some(why);
            }
        }
        let unheard = self.unheard(suite).await;
        if let Some(first) = unheard.first() {
            return Some(format!("{} webhooks are not heard of: {first}", unheard.len()));
        }
        let backlog = self.store.backlog().await.unwrap();
        (backlog.deliveries + backlog.effects > 0).then(|| format!("something waits: {backlog:?}"))
    }

    /// Why a pull request is not where it stays.
    async fn goes_on(&self, suite: &Suite, pull: &Pull) -> Option<String> {
        let number = pull.number();
        let said = suite.world.check_run_text(pull);
        if !said.starts_with("selfheal  completed/") {
            let headline = said.lines().next().unwrap_or_default();
            return Some(format!("#{number} is not at its end: {headline}"));
        }
        let head = suite.world.head_sha(pull);
        let at = (RepoId::new(suite.repository.id()), PrNumber::new(number));
        let record = self.store.pull(at.0, at.1).await.unwrap();
        let file = suite.world.file(&suite.repository, &head, "src/lib.rs").await.unwrap();
        let is_red = file.as_deref() == Some(BAD);
        let Some(case) = record.and_then(|record| record.case) else {
            return Some(format!("#{number} has no case"));
        };
        let is_at_rest = match case.state {
            CaseState::Healed(_) => !is_red,
            CaseState::Escalated(_)
            | CaseState::Excused(_)
            | CaseState::AwaitingApproval(_)
            | CaseState::AwaitingAnswer(_) => is_red,
            CaseState::Watching
            | CaseState::Diagnosing
            | CaseState::Rerunning
            | CaseState::Healing(_)
            | CaseState::Proving(_)
            | CaseState::Stopped(_)
            | CaseState::Superseded(_)
            | CaseState::Closed => false,
        };
        if is_at_rest && case.head.as_str() == head {
            return None;
        }
        let ci = if is_red { "red" } else { "green" };
        Some(format!("#{number} at {head}, CI {ci}: {:?} of {}", case.state, case.head))
    }

    /// Webhooks of interest that never arrived and were not found either.
    async fn unheard(&self, suite: &Suite) -> Vec<String> {
        let inbound = GithubInbound::new(suite.world.app_id(), Vec::new());
        let mut failed = suite.world.failed_webhooks();
        failed.retain(|one| match one.name.split_once('.') {
            Some((event, action)) => inbound.concerns(event, Some(action)),
            None => inbound.concerns(&one.name, None),
        });
        let id = |guid: &str| DeliveryId::parse(guid).unwrap();
        let ids: Vec<DeliveryId> = failed.iter().map(|one| id(&one.guid)).collect();
        let unknown = self.store.unknown_deliveries(&ids).await.unwrap();
        failed.retain(|one| unknown.contains(&id(&one.guid)));
        failed.into_iter().map(|one| format!("{} {}", one.name, one.guid)).collect()
    }

    /// What is wrong on record; empty when nothing is.
    pub(super) async fn wrong(&self, suite: &Suite) -> Vec<String> {
        let mut wrong = suite.world.violations();
        let backlog = self.store.backlog().await.unwrap();
        if backlog.parked > 0 {
            wrong.push(format!("something was given up: {backlog:?}"));
        }
        for (pull, pushes) in &suite.pulls {
            let number = pull.number();
            wrong.extend(commits(suite, pull, *pushes).await);
            let bodies = suite.world.comment_bodies(pull);
            let sticky =
                bodies.iter().filter(|body| body.starts_with("<!-- selfheal:pr -->")).count();
            if sticky > 1 {
                wrong.push(format!("#{number} has {sticky} comments of ours"));
            }
            if suite.world.labels(pull).iter().any(|label| label == "selfheal") {
                wrong.push(format!("#{number} still has our label"));
            }
        }
        let heads = suite.world.own_check_heads(&suite.repository);
        wrong.extend(repeated(heads).map(|(head, count)| format!("{count} check runs on {head}")));
        wrong.extend(self.runners(suite).await);
        wrong
    }

    /// No attempt has had more runners than were wanted for it, no case more attempts than three.
    async fn runners(&self, suite: &Suite) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut attempts = BTreeMap::<_, usize>::new();
        for (attempt, runs) in counted(suite.world.dispatched_ever(&suite.repository, "attempt")) {
            let id = AttemptId::parse(&attempt).unwrap();
            let Some(view) = self.store.runner_view(id).await.unwrap() else {
                wrong.push(format!("{runs} runners of {attempt}, which nobody knows"));
                continue;
            };
            let wanted = usize::from(view.record.attempt.dispatches);
            if runs > wanted {
                wrong.push(format!("{runs} runners of {attempt}, {wanted} were wanted"));
            }
            *attempts.entry(view.case.id).or_default() += 1;
        }
        let too_many = attempts.into_iter().filter(|(_, count)| *count > ATTEMPTS_MAX);
        wrong.extend(too_many.map(|(case, count)| format!("{count} attempts of case {case}")));
        wrong
    }

    /// How much there was to go wrong.
    pub(super) async fn reached(&self, suite: &Suite) -> String {
        let runs = suite.world.dispatched_ever(&suite.repository, "attempt");
        let mut states = Vec::new();
        for (pull, _) in &suite.pulls {
            let at = (RepoId::new(suite.repository.id()), PrNumber::new(pull.number()));
            let record = self.store.pull(at.0, at.1).await.unwrap();
            let case = record.and_then(|record| record.case);
            states.push(case.map_or("none", |case| case.state.as_str()).to_owned());
        }
        let failed = suite.world.failed_webhooks().len();
        format!("{failed} webhooks failed, {} runners, {:?}", runs.len(), counted(states))
    }
}

fn counted(all: Vec<String>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for one in all {
        *counted.entry(one).or_default() += 1;
    }
    counted
}

/// What is there more than once, and how often.
fn repeated(all: Vec<String>) -> impl Iterator<Item = (String, usize)> {
    counted(all).into_iter().filter(|(_, count)| *count > 1)
}

/// Every attempt commits once, never more than three in a row, and no commit of a person is gone.
async fn commits(suite: &Suite, pull: &Pull, pushes: usize) -> Vec<String> {
    let number = pull.number();
    let commits = suite.world.commits(pull).await.unwrap();
    let trailer = |commit: &String| {
        let (_, rest) = commit.split_once("(Selfheal-Attempt: ")?;
        Some(rest.split([';', ')']).next().unwrap_or_default().to_owned())
    };
    let attempts: Vec<String> = commits.iter().filter_map(trailer).collect();
    let theirs = commits.len() - attempts.len();
    let mut wrong: Vec<String> = repeated(attempts)
        .map(|(attempt, count)| format!("#{number}: {count} commits of {attempt}"))
        .collect();
    if theirs != pushes {
        wrong.push(format!("#{number}: {theirs} commits of mona, who made {pushes}"));
    }
    let in_a_row = commits.split(|commit| trailer(commit).is_none()).map(<[_]>::len).max();
    if in_a_row.unwrap_or(0) > ATTEMPTS_MAX {
        wrong.push(format!("#{number}: {in_a_row:?} commits of ours in a row"));
    }
    wrong
}
