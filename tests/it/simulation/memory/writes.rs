//! Writes: everything of a step or nothing, and what runners say.

use selfheal::domain::ask::{Ask, Heed};
use selfheal::domain::attempt::AttemptState;
use selfheal::domain::brief::StageReport;
use selfheal::domain::case::Case;
use selfheal::domain::document::Document;
use selfheal::domain::effect::{Act, Class, Effect, EffectResult};
use selfheal::domain::ids::{AttemptId, EffectId, Timestamp};
use selfheal::domain::outcome::Outcome;
use selfheal::domain::pull::{PullHead, Repo};
use selfheal::ports::store::{
    Admitted, Ceiling, Changes, Inserted, InstallationFact, InstallationState, Learned, Lease,
    RunnerAdmission, Seat, StoreError, Work,
};

use super::Broken;
use super::tables::{
    AskRow, EffectRow, Held, PullKey, PullRow, RepoRow, ReportRow, RowState, Tables, text,
};

fn missing(attempt: AttemptId) -> StoreError {
    StoreError::Missing(format!("the attempt {attempt}"))
}

impl Tables {
    pub(super) fn apply(
        &mut self,
        lease: &Lease,
        changes: Changes,
        broken: Broken,
    ) -> Result<(), StoreError> {
        if broken != Broken::Leases && !self.is_held(lease) {
            return Err(StoreError::LeaseLost(format!("{:?}", lease.work)));
        }
        let has_room = |ceiling: &Ceiling| ceiling.admits(&self.usage(ceiling.repo, changes.now));
        if changes.begins.as_ref().is_some_and(|ceiling| !has_room(ceiling)) {
            return Err(StoreError::NoRoom);
        }
        self.refuse_inconsistent(&changes)?;
        self.finish(lease, &changes);
        self.version += 1;
        let now = changes.now.millis();
        changes.pulls.iter().for_each(|pull| self.set_repo(&pull.repo));
        changes.installations.into_iter().for_each(|fact| self.set_installation(fact));
        changes.pulls.into_iter().for_each(|pull| self.set_pull(pull));
        for (repo, number, ask) in changes.asks {
            let (of, is_new) = ((repo, number), !self.asks.contains_key(&ask.key));
            if is_new && self.pulls.contains_key(&of) {
                let at = if broken == Broken::Times { changes.now } else { ask.at };
                let (ask, heed) = (Ask { text: text(&ask.text), at, ..ask }, Heed::Passing);
                self.asks.insert(ask.key.clone(), AskRow { of, ask, answered_at: None, heed });
                self.wake(of, now);
            }
        }
        for (key, heed) in changes.answered {
            if let Some(row) = self.asks.get_mut(&key).filter(|row| row.answered_at.is_none()) {
                (row.answered_at, row.heed) = (Some(now), heed);
            }
        }
        for case in changes.case.into_iter().chain(changes.successor) {
            self.cases.insert(case.id, case);
        }
        for attempt in changes.attempts {
            self.attempts.insert(attempt.id, attempt);
        }
        if let Some((case, read)) = changes.evidence {
            self.evidence.insert(Self::read_key(case, &read.head), read);
        }
        for (id, effect) in changes.effects {
            self.want(id, effect, now, broken);
        }
        self.learn(changes.learned);
        self.wake_after_result(lease, changes.result.as_ref(), now);
        for (repo, number, at) in changes.wake {
            self.wake((repo, number), at.millis());
        }
        Ok(())
    }

    /// What the schema of both engines refuses, before anything is written.
    fn refuse_inconsistent(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let refused = self.inconsistency(changes);
        let Some((table, what)) = refused else { return Ok(()) };
        self.inconsistencies.push(format!("{table}: {what}"));
        Err(StoreError::Inconsistent { table, id: "new".to_owned(), what: what.to_owned() })
    }

    fn inconsistency(&self, changes: &Changes) -> Option<(&'static str, &'static str)> {
        let written: Vec<&Case> = changes.case.iter().chain(&changes.successor).collect();
        let is_known =
            |case| self.cases.contains_key(&case) || written.iter().any(|known| known.id == case);
        for case in &written {
            let of = (case.repo.id, case.number);
            let comes = |pull: &PullHead| (pull.repo.id, pull.number) == of;
            if !self.pulls.contains_key(&of) && !changes.pulls.iter().any(comes) {
                return Some(("cases", "its pull request is not known"));
            }
            let is_alive =
                |other: &&Case| !other.state.is_final() && (other.repo.id, other.number) == of;
            let written_again = |other: &&Case| written.iter().any(|one| one.id == other.id);
            let kept = self.cases.values().filter(|other| !written_again(other));
            let alive = kept.filter(is_alive).count();
            if alive + written.iter().copied().filter(is_alive).count() > 1 {
                return Some(("cases", "two of one pull request are alive"));
            }
        }
        if changes.attempts.iter().any(|attempt| !is_known(attempt.case)) {
            return Some(("attempts", "its case is not known"));
        }
        let clashes = |number: u8, case, id: AttemptId| {
            self.attempts
                .values()
                .any(|other| (other.case, other.number) == (case, number) && other.id != id)
        };
        if changes.attempts.iter().any(|one| clashes(one.number, one.case, one.id)) {
            return Some(("attempts", "two of one case have the same number"));
        }
        if changes.evidence.as_ref().is_some_and(|(case, _)| !is_known(*case)) {
            return Some(("evidence", "its case is not known"));
        }
        let learns = changes.learned.run.as_ref();
        learns
            .filter(|(attempt, _)| !self.attempts.contains_key(attempt))
            .map(|_| ("runner_reports", "its attempt is not known"))
    }

    fn set_installation(&mut self, fact: InstallationFact) {
        let known = self.installations.entry(fact.id).or_insert(fact.state);
        if *known != InstallationState::Deleted {
            *known = fact.state;
        }
        fact.added.iter().for_each(|repo| self.set_repo(repo));
        for id in fact.removed {
            let Some(row) = self.repos.get_mut(&id) else { continue };
            if row.repo.installation == fact.id {
                row.is_reachable = false;
                self.park(|effect| effect.repo.id == id);
            }
        }
        if fact.state == InstallationState::Deleted {
            let of = |row: &&RepoRow| row.repo.installation == fact.id;
            let repos: Vec<_> = self.repos.values().filter(of).map(|row| row.repo.id).collect();
            self.park(|effect| repos.contains(&effect.repo.id));
        }
    }

    fn park(&mut self, is_meant: impl Fn(&Effect) -> bool) {
        let pending = self.effects.values_mut().filter(|row| row.state == RowState::Pending);
        pending.filter(|row| is_meant(&row.effect)).for_each(|row| row.state = RowState::Parked);
    }

    fn set_repo(&mut self, repo: &Repo) {
        let state =
            *self.installations.entry(repo.installation).or_insert(InstallationState::Active);
        match self.repos.get_mut(&repo.id) {
            Some(row) if state != InstallationState::Deleted => {
                row.repo = repo.clone();
                row.is_reachable = true;
            }
            Some(_) => {}
            None => {
                let repo = repo.clone();
                let row = RepoRow { repo, is_reachable: true, swept_at: None, sweep_due: 0 };
                self.repos.insert(row.repo.id, row);
            }
        }
    }

    pub(super) fn set_pull(&mut self, pull: PullHead) {
        let key = (pull.repo.id, pull.number);
        match self.pulls.get_mut(&key) {
            Some(row) if row.head.updated_at <= pull.updated_at => row.head = pull,
            Some(_) => {}
            None => {
                let held = Held::default();
                self.pulls.insert(key, PullRow { head: pull, wake: None, tries: 0, held });
            }
        }
    }

    pub(super) fn wake(&mut self, of: PullKey, at: i64) {
        if let Some(row) = self.pulls.get_mut(&of) {
            row.wake = Some(row.wake.map_or(at, |known| known.min(at)));
        }
    }

    fn want(&mut self, id: EffectId, effect: Effect, now: i64, broken: Broken) {
        let known = self.keys.get(&effect.key()).copied().filter(|_| broken != Broken::Keys);
        let Some(row) = known.and_then(|known| self.effects.get_mut(&known)) else {
            self.keys.insert(effect.key(), id);
            let row = EffectRow {
                effect,
                state: RowState::Pending,
                error: None,
                revision: 1,
                claimed_revision: 0,
                tries: 0,
                wanted_at: now,
                due: now,
                held: Held::default(),
                result: None,
                done_at: 0,
            };
            self.effects.insert(id, row);
            return;
        };
        if effect.class() == Class::Once || row.effect == effect {
            return;
        }
        row.effect = effect;
        row.revision += 1;
        row.state = RowState::Pending;
        row.tries = 0;
        (row.wanted_at, row.due) = (now, now);
        row.error = None;
        row.result = None;
    }

    fn learn(&mut self, learned: Learned) {
        if let Some((repo, number, head, check)) = learned.check {
            self.checks.insert((repo, number, head.as_str().to_owned()), check);
        }
        if let Some((repo, number, comment)) = learned.comment {
            self.comments.insert((repo, number), comment);
        }
        if let Some((attempt, run)) = learned.run {
            self.reports.entry(attempt).or_default().said.run = Some(run);
        }
    }

    fn wake_after_result(&mut self, lease: &Lease, result: Option<&EffectResult>, now: i64) {
        let (Work::Effect(id), Some(result)) = (&lease.work, result) else { return };
        let Some(row) = self.effects.get(id) else { return };
        let Some(number) = row.effect.number else { return };
        let is_done = matches!(result, EffectResult::Done { .. });
        let is_waited_for = match row.effect.act {
            Act::Commit { .. } | Act::Undo { .. } => true,
            Act::Dispatch { .. } => !is_done,
            _ => false,
        };
        if is_waited_for {
            self.wake((row.effect.repo.id, number), now);
        }
    }

    pub(super) fn admit_runner(&mut self, admission: RunnerAdmission) -> Admitted {
        let attempt = self.attempts.get(&admission.attempt);
        if attempt.is_none_or(|attempt| attempt.state != AttemptState::Running) {
            return Admitted::AttemptOver;
        }
        if self.identities.contains_key(&admission.identity) {
            return Admitted::IdentityUsed;
        }
        self.identities.insert(admission.identity, admission.now.millis());
        let row = self.reports.entry(admission.attempt).or_default();
        row.said.run = admission.run.or(row.said.run);
        row.said.admitted_at = Some(admission.now);
        row.said.heard_at = Some(admission.now);
        row.token = Some((admission.token_hash, admission.token_until));
        self.version += 1;
        Admitted::Yes
    }

    /// What a runner said, for the one that was let in last.
    fn sat_on(&mut self, seat: &Seat) -> Result<&mut ReportRow, StoreError> {
        let missing = || missing(seat.attempt);
        let row = self.reports.get_mut(&seat.attempt).ok_or_else(missing)?;
        let (last, _) = row.token.as_ref().ok_or_else(missing)?;
        if *last == seat.token_hash {
            Ok(row)
        } else {
            Err(StoreError::LeaseLost(format!("the attempt {}", seat.attempt)))
        }
    }

    pub(super) fn record_heartbeat(
        &mut self,
        seat: &Seat,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = self.sat_on(seat)?;
        row.said.heard_at = Some(now);
        self.version += 1;
        Ok(())
    }

    pub(super) fn record_stage(
        &mut self,
        seat: &Seat,
        report: &StageReport,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = self.sat_on(seat)?;
        row.said.stage = Some((report.stage, report.round));
        row.said.heard_at = Some(now);
        row.work_in_progress = Some(report.work_in_progress.clone());
        let kept = self.documents.entry(seat.attempt).or_default();
        for given in &report.documents {
            let document = Document { body: text(&given.body), ..given.clone() };
            let same = |known: &&mut Document| {
                (known.name, known.round) == (document.name, document.round)
            };
            match kept.iter_mut().find(same) {
                Some(known) => *known = document,
                None => kept.push(document),
            }
        }
        self.version += 1;
        Ok(())
    }

    pub(super) fn record_outcome(
        &mut self,
        seat: &Seat,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Inserted, StoreError> {
        let attempt = seat.attempt;
        let known = self.attempts.get(&attempt).ok_or_else(|| missing(attempt))?;
        let case = self.cases.get(&known.case).ok_or_else(|| missing(attempt))?;
        let of = (case.repo.id, case.number);
        let row = self.sat_on(seat)?;
        if !matches!(row.said.outcome, None | Some(Outcome::Waits { .. } | Outcome::Asks { .. })) {
            return Ok(Inserted::Duplicate);
        }
        row.said.outcome = Some(outcome.clone());
        row.said.heard_at = Some(now);
        self.wake(of, now.millis());
        self.version += 1;
        Ok(Inserted::New)
    }
}
