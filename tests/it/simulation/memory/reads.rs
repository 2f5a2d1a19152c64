//! Reads, and what is forgotten.

use selfheal::domain::ask::{Ask, Heed};
use selfheal::domain::attempt::{Attempt, AttemptRecord, AttemptState};
use selfheal::domain::case::{Case, CaseState, Excuse};
use selfheal::domain::effect::{EffectResult, commit_key, dispatch_key, undo_key};
use selfheal::domain::evidence::Evidence;
use selfheal::domain::ids::{
    AttemptId, Branch, CaseId, CommentId, PrNumber, RepoId, RunId, Sha, Timestamp,
};
use selfheal::domain::pull::{PullHead, PullState};
use selfheal::ports::forge::PublishedCheck;
use selfheal::ports::store::{PullRecord, RunnerView, Usage};

use super::tables::{AskRow, RowState, Tables};

/// The window of the daily budget.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Asks in the order in which they were asked.
fn in_order<'a>(rows: impl IntoIterator<Item = &'a AskRow>) -> Vec<Ask> {
    let mut asks: Vec<Ask> = rows.into_iter().map(|row| row.ask.clone()).collect();
    asks.sort_by(|one, other| one.order().cmp(&other.order()));
    asks
}

impl Tables {
    pub(super) fn pulls_at(&self, repo: RepoId, sha: &Sha) -> Vec<PullHead> {
        let at =
            self.pulls.values().filter(|row| row.head.repo.id == repo && row.head.head.sha == *sha);
        let mut found: Vec<PullHead> = at.map(|row| self.head_of(row)).collect();
        found.sort_by_key(|pull| (pull.state != PullState::Open, pull.number));
        found
    }

    pub(super) fn pulls_onto(&self, repo: RepoId, base: &Branch) -> Vec<PullHead> {
        let onto = self.pulls.values().filter(|row| {
            let head = &row.head;
            head.repo.id == repo && head.base == *base && head.state == PullState::Open
        });
        onto.map(|row| self.head_of(row)).collect()
    }

    pub(super) fn waiting_for_base(&self, repo: RepoId, base: &Branch) -> Vec<PullHead> {
        let waits = |number: PrNumber| {
            let of = |case: &&Case| (case.repo.id, case.number) == (repo, number);
            let state = CaseState::Excused(Excuse::BaseBroken);
            self.cases.values().filter(of).any(|case| case.state == state)
        };
        let onto = self.pulls_onto(repo, base).into_iter();
        onto.filter(|head| waits(head.number)).collect()
    }

    /// A pull request with its case, attempts and open asks.
    pub(crate) fn pull(&self, repo: RepoId, number: PrNumber) -> Option<PullRecord> {
        let row = self.pulls.get(&(repo, number))?;
        let of = |case: &&Case| (case.repo.id, case.number) == (repo, number);
        let last = self
            .cases
            .values()
            .filter(of)
            .max_by_key(|case| (!case.state.is_final(), case.opened_at, case.id));
        let case = last.map(|case| Case { repo: self.named(&case.repo), ..case.clone() });
        let attempts = case.as_ref().map(|case| self.attempts_of(case.id)).unwrap_or_default();
        let of = |row: &&AskRow| row.of == (repo, number);
        let (open, answered): (Vec<_>, Vec<_>) =
            self.asks.values().filter(of).partition(|row| row.answered_at.is_none());
        let heeded = answered.into_iter().filter(|row| row.heed == Heed::Lasting);
        let (asks, heeded) = (in_order(open), in_order(heeded));
        let undoing = case.as_ref().filter(|case| case.state.undoing().is_some());
        let undone = undoing.and_then(|case| self.result_under(&undo_key(case.id, case.since)));
        Some(PullRecord { head: self.head_of(row), case, attempts, asks, heeded, undone, tries: 0 })
    }

    /// The attempts of a case, by number.
    pub(crate) fn attempts_of(&self, case: CaseId) -> Vec<AttemptRecord> {
        let mut records: Vec<AttemptRecord> = self
            .attempts
            .values()
            .filter(|attempt| attempt.case == case)
            .map(|attempt| AttemptRecord {
                attempt: attempt.clone(),
                report: self
                    .reports
                    .get(&attempt.id)
                    .map(|row| row.said.clone())
                    .unwrap_or_default(),
                dispatched: self.result_under(&dispatch_key(attempt.id, attempt.dispatches)),
                committed: self.result_under(&commit_key(attempt.id)),
            })
            .collect();
        records.sort_by_key(|record| record.attempt.number);
        records
    }

    /// How many asks nobody has answered.
    pub(crate) fn open_asks(&self) -> u64 {
        let open = self.asks.values().filter(|row| row.answered_at.is_none());
        u64::try_from(open.count()).unwrap_or(u64::MAX)
    }

    /// Deliveries and effects that wait or were parked, with all that tells why.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        let unread = self.deliveries.iter().filter(|(_, row)| row.state != RowState::Done);
        let unread = unread.map(|(id, row)| {
            let (state, due, tries, claims) = (row.state, row.due, row.tries, row.claims);
            let error = &row.error;
            format!("{id}: {state:?}, due {due}, {tries} tries, begun {claims} times, {error:?}")
        });
        let left = self.effects.values().filter(|row| row.state != RowState::Done);
        let left = left.map(|row| {
            let (key, state, error) = (row.effect.key(), row.state, &row.error);
            let (due, until, tries) = (row.due, row.held.until, row.tries);
            format!("{key}: {state:?}, due {due}, leased until {until}, {tries} tries, {error:?}")
        });
        unread.chain(left).collect()
    }

    fn result_under(&self, key: &str) -> Option<EffectResult> {
        let row = self.effects.get(self.keys.get(key)?)?;
        row.result.clone().filter(|_| row.state == RowState::Done)
    }

    pub(super) fn pull_of_run(&self, repo: RepoId, run: RunId) -> Option<PrNumber> {
        let of = self.reports.iter().filter(|(_, row)| row.said.run == Some(run));
        of.filter_map(|(attempt, _)| self.cases.get(&self.attempts.get(attempt)?.case))
            .find(|case| case.repo.id == repo)
            .map(|case| case.number)
    }

    pub(super) fn evidence(&self, case: CaseId, head: &Sha) -> Option<Evidence> {
        self.evidence.get(&Self::read_key(case, head)).cloned()
    }

    pub(super) fn known_check(
        &self,
        repo: RepoId,
        number: PrNumber,
        head: &Sha,
    ) -> Option<PublishedCheck> {
        self.checks.get(&(repo, number, head.as_str().to_owned())).copied()
    }

    pub(super) fn known_comment(&self, repo: RepoId, number: PrNumber) -> Option<CommentId> {
        self.comments.get(&(repo, number)).copied()
    }

    pub(super) fn usage(&self, repo: RepoId, now: Timestamp) -> Usage {
        let of = |case| self.cases.get(&case).is_some_and(|case| case.repo.id == repo);
        let attempts: Vec<_> = self.attempts.values().filter(|one| of(one.case)).collect();
        let since = now.plus_ms(-DAY_MS);
        let today = attempts.iter().filter(|one| one.planned_at > since).count();
        let installation = |of: RepoId| self.repos.get(&of).map(|row| row.repo.installation);
        let of_attempt = |one: &Attempt| self.cases.get(&one.case).map(|case| case.repo.id);
        let all = self.attempts.values().filter(|one| one.state == AttemptState::Running);
        let running: Vec<_> = all.filter_map(of_attempt).collect();
        let with_same = running.iter().filter(|other| {
            installation(repo).is_some() && installation(**other) == installation(repo)
        });
        let open = self.cases.values().filter(|case| case.repo.id == repo).filter(|case| {
            use CaseState::{Diagnosing, Healing, Proving, Rerunning, Watching};
            matches!(case.state, Watching | Diagnosing | Rerunning | Healing(_) | Proving(_))
        });
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Usage {
            attempts_today: count(today),
            attempts_running: count(running.iter().filter(|other| **other == repo).count()),
            installation_running: count(with_same.count()),
            all_running: count(running.len()),
            cases_open: count(open.count()),
        }
    }

    pub(super) fn runner_view(&self, attempt: AttemptId) -> Option<RunnerView> {
        let case = self.cases.get(&self.attempts.get(&attempt)?.case)?;
        let case = Case { repo: self.named(&case.repo), ..case.clone() };
        let mut earlier = self.attempts_of(case.id);
        let at = earlier.iter().position(|record| record.attempt.id == attempt)?;
        let record = earlier.remove(at);
        earlier.truncate(at);
        let said = self.reports.get(&attempt);
        Some(RunnerView {
            evidence: self.evidence(case.id, &record.attempt.head),
            documents: self.documents.get(&attempt).cloned().unwrap_or_default(),
            work_in_progress: said.and_then(|row| row.work_in_progress.clone()),
            token: said.and_then(|row| row.token.clone()),
            record,
            case,
            earlier,
        })
    }

    pub(super) fn purge(&mut self, before: Timestamp) -> u64 {
        let before = before.millis();
        let rows = |tables: &Self| {
            tables.deliveries.len()
                + tables.asks.len()
                + tables.effects.len()
                + tables.identities.len()
        };
        let had = rows(self);
        self.deliveries.retain(|_, row| row.state == RowState::Pending || row.done_at >= before);
        self.asks.retain(|_, row| row.answered_at.is_none_or(|at| at >= before));
        let live: Vec<_> = self
            .cases
            .values()
            .filter(|case| !case.state.is_final())
            .map(|case| (case.repo.id, case.number))
            .collect();
        self.effects.retain(|_, row| {
            let of = row.effect.number.map(|number| (row.effect.repo.id, number));
            row.state != RowState::Done
                || row.done_at >= before
                || of.is_none_or(|of| live.contains(&of))
        });
        let effects = &self.effects;
        self.keys.retain(|_, id| effects.contains_key(id));
        self.identities.retain(|_, used| *used >= before);
        self.version += 1;
        u64::try_from(had - rows(self)).unwrap_or(0)
    }
}
