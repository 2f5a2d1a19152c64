//! What is written: once, because what is there is looked for first.

use async_trait::async_trait;
use selfheal::domain::event::{CommentRef, PullChange};
use selfheal::domain::ids::{CheckRunId, CommentId, Label, PrNumber, RunId, Sha};
use selfheal::domain::patch::NewFile;
use selfheal::domain::pull::{AutoMerge, Repo};
use selfheal::domain::view::{CheckView, CommentView, Reaction};
use selfheal::ports::forge::{
    ForgeError, ForgeWriter, NewCommit, Proposal, PublishedCheck, WorkflowDispatch,
};

use super::{Careless, SimForge, end_run};
use crate::simulation::truth::{
    Act, BOT, By, Check, Comment, Deed, Nature, Progress, Purpose, Run, SimPull, Truth, base_sha,
    head_of,
};

#[async_trait]
impl ForgeWriter for SimForge {
    async fn publish_check(
        &self,
        _repo: &Repo,
        view: &CheckView,
        known: Option<PublishedCheck>,
    ) -> Result<PublishedCheck, ForgeError> {
        let looks = self.careless != Careless::Lookups;
        self.write(|truth| {
            let is_it = |check: &Check| match known {
                Some(known) => check.id == known.id,
                None => looks && check.head == view.head && check.external_id == view.external_id,
            };
            let at = match truth.checks.iter().position(is_it) {
                Some(at) => at,
                None => {
                    let id = CheckRunId::new(truth.next());
                    let (status, title) = (view.status, view.title.clone());
                    let (head, external_id) = (view.head.clone(), view.external_id.clone());
                    truth.checks.push(Check { id, head, external_id, status, title });
                    truth.checks.len() - 1
                }
            };
            let check = &mut truth.checks[at];
            (check.status, check.title) = (view.status, view.title.clone());
            check.external_id.clone_from(&view.external_id);
            Ok(PublishedCheck { id: check.id, annotations_sent: 0 })
        })
        .await
    }

    async fn upsert_comment(
        &self,
        _repo: &Repo,
        number: PrNumber,
        view: &CommentView,
        known: Option<CommentId>,
    ) -> Result<CommentId, ForgeError> {
        let looks = self.careless != Careless::Lookups;
        self.write(|truth| {
            let marker = view.body.lines().next().unwrap_or_default().to_owned();
            let is_it = |comment: &Comment| match known {
                Some(known) => comment.id == known,
                None => {
                    let is_ours = comment.is_ours() && comment.number == number;
                    looks && is_ours && comment.body.starts_with(&marker)
                }
            };
            if let Some(comment) = truth.comments.iter_mut().find(|comment| is_it(comment)) {
                comment.body.clone_from(&view.body);
                return Ok(comment.id);
            }
            Ok(comment(truth, number, view.body.clone()))
        })
        .await
    }

    async fn reply(
        &self,
        _repo: &Repo,
        number: PrNumber,
        marker: &str,
        body: &str,
    ) -> Result<CommentId, ForgeError> {
        let looks = self.careless != Careless::Lookups;
        self.write(|truth| {
            let mut ours = truth.comments.iter().filter(|comment| comment.is_ours());
            let known = ours.find(|comment| looks && comment.body.starts_with(marker));
            if let Some(known) = known {
                return Ok(known.id);
            }
            Ok(comment(truth, number, format!("{marker}\n{body}")))
        })
        .await
    }

    async fn react(
        &self,
        _repo: &Repo,
        comment: CommentRef,
        reaction: Reaction,
    ) -> Result<(), ForgeError> {
        self.write(|truth| {
            let deed = Deed::Reacted(comment.id, reaction);
            if !truth.deeds.iter().any(|(_, known)| *known == deed) {
                truth.did(deed);
            }
            Ok(())
        })
        .await
    }

    async fn add_label(
        &self,
        _repo: &Repo,
        number: PrNumber,
        label: &Label,
    ) -> Result<(), ForgeError> {
        self.write(|truth| {
            truth.add_label(number, label, BOT);
            Ok(())
        })
        .await
    }

    async fn remove_label(
        &self,
        _repo: &Repo,
        number: PrNumber,
        label: &Label,
    ) -> Result<(), ForgeError> {
        self.write(|truth| {
            truth.remove_label(number, label, BOT);
            Ok(())
        })
        .await
    }

    async fn disable_auto_merge(&self, _repo: &Repo, number: PrNumber) -> Result<(), ForgeError> {
        self.write(|truth| {
            if truth.pull_mut(number).is_some_and(|pull| pull.auto_merge.take().is_some()) {
                truth.changed(number, PullChange::AutoMergeDisabled, BOT);
            }
            Ok(())
        })
        .await
    }

    async fn enable_auto_merge(
        &self,
        _repo: &Repo,
        number: PrNumber,
        _head: &Sha,
        held: &AutoMerge,
    ) -> Result<(), ForgeError> {
        self.write(|truth| {
            let Some(pull) = truth.pull_mut(number) else { return Ok(()) };
            if pull.auto_merge.is_none() {
                pull.auto_merge = Some(held.clone());
                truth.changed(number, PullChange::AutoMergeEnabled, BOT);
            }
            Ok(())
        })
        .await
    }

    async fn commit(&self, wish: &NewCommit) -> Result<Sha, ForgeError> {
        let checks = self.careless != Careless::Heads;
        self.write(|truth| committed(truth, wish, checks)).await
    }

    async fn dispatch(&self, wish: &WorkflowDispatch) -> Result<Option<RunId>, ForgeError> {
        let looks = self.careless != Careless::Lookups;
        self.write(|truth| Ok(Some(dispatched(truth, wish, looks)))).await
    }

    async fn cancel(&self, _repo: &Repo, run: RunId) -> Result<(), ForgeError> {
        self.write(|truth| {
            end_run(truth, run);
            Ok(())
        })
        .await
    }

    async fn rerun_failed(&self, _repo: &Repo, run: RunId, attempt: u32) -> Result<(), ForgeError> {
        self.write(|truth| {
            let Some(known) = truth.run_mut(run) else { return Ok(()) };
            if known.attempt > attempt || known.progress == Progress::Queued {
                return Ok(());
            }
            known.attempt += 1;
            known.progress = Progress::Queued;
            let attempt = known.attempt;
            truth.did(Deed::Reran(run, attempt));
            truth.ci_moved(run);
            let takes = truth.ci_takes();
            truth.schedule(takes, Act::CiEnds(run, attempt));
            Ok(())
        })
        .await
    }

    async fn update_branch(
        &self,
        _repo: &Repo,
        _number: PrNumber,
        _head: &Sha,
    ) -> Result<(), ForgeError> {
        Ok(()) // its base branch never moves
    }

    async fn propose(&self, _proposal: &Proposal) -> Result<Option<PrNumber>, ForgeError> {
        Ok(None)
    }
}

fn comment(truth: &mut Truth, number: PrNumber, body: String) -> CommentId {
    let id = CommentId::new(truth.next());
    truth.comments.push(Comment { id, number, by: BOT.to_owned(), body });
    id
}

/// What a commit of ours does to the branch.
fn committed(truth: &mut Truth, wish: &NewCommit, checks: bool) -> Result<Sha, ForgeError> {
    let named = |pull: &&SimPull| head_of(pull, pull.head()).branch == wish.branch;
    let pull = truth.pulls.iter().find(named).expect("commits go to branches that are there");
    let (number, at) = (pull.number, pull.head().clone());
    if checks && at.sha != wish.parent {
        let is_ours = at.by == By::Us(wish.attempt) && at.parent.as_ref() == Some(&wish.parent);
        return if is_ours {
            Ok(at.sha)
        } else {
            let (branch, expected) = (wish.branch.clone(), wish.parent.clone());
            Err(ForgeError::Moved { branch, expected })
        };
    }
    if at.sha != wish.parent {
        truth.did(Deed::Overwrote(number, at.sha));
    }
    let text = |content: &NewFile| content.content.text().unwrap_or_default().to_owned();
    let written = wish.patch.changes().iter().filter_map(|change| change.new.as_ref());
    let nature = match written.map(text).next().as_deref() {
        Some("good") => Nature::Good,
        Some("silent") => Nature::Silent,
        Some("flaky") => Nature::Flaky,
        _ => Nature::Broken,
    };
    let sha = truth.add_commit(number, By::Us(wish.attempt), nature, wish.message.clone());
    truth.changed(number, PullChange::Synchronized, BOT);
    Ok(sha)
}

/// The run that works on an attempt, started if there is none.
fn dispatched(truth: &mut Truth, wish: &WorkflowDispatch, looks: bool) -> RunId {
    let purpose = Purpose::Attempt(wish.attempt);
    let runs = truth.runs.iter();
    let later = |run: &&Run| wish.after.is_none_or(|before| run.id > before);
    let known = runs.filter(|run| run.purpose == purpose).find(later);
    if let Some(known) = known.map(|run| run.id).filter(|_| looks) {
        return known;
    }
    let id = RunId::new(truth.next());
    let sha = base_sha();
    truth.runs.push(Run { id, sha, attempt: 1, progress: Progress::Queued, purpose });
    let input = |name: &str| wish.inputs.iter().find(|(known, _)| known == name);
    let number = input("pull_request").and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    truth.did(Deed::Dispatched(PrNumber::new(number), wish.attempt, id));
    let is_slow = truth.dice.happens(truth.rates.runners_slow);
    let delay = truth.dice.within(1_000, if is_slow { 45 * 60_000 } else { 90_000 });
    truth.schedule(delay, Act::RunnerActs(id, 0));
    id
}
