//! What happens in a history at its time: webhooks arrive, runners ask, people act, luck fails.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use selfheal::domain::event::PullChange;
use selfheal::domain::ids::{Login, PrNumber, RunId};
use selfheal::domain::pull::{AutoMerge, PullState};
use selfheal::ports::store::{Inserted, NewDelivery};
use selfheal::service::reconcile::EVERY_MS;

use super::{Done, HEARD_LATER_MS, History, Owner, Task};
use crate::simulation::forge::{end_run, lock};
use crate::simulation::plan::{Planned, Rates};
use crate::simulation::replica::Rest;
use crate::simulation::runner::{Answer, Errand, Request, Runner, ask};
use crate::simulation::truth::{
    Act, EVENT_NAME, Progress, Purpose, STOP_LABEL, Truth, delivery_body, delivery_id, label, repo,
};

impl History<'_> {
    pub(super) fn deliver(&mut self, event: usize) {
        let Some(replica) = self.some_replica() else {
            lock(&self.truth).logged(event, None);
            return;
        };
        let services = self.replicas[replica].services.clone();
        self.spawn(replica, Owner::Hook(event), async move {
            let delivery = NewDelivery {
                id: delivery_id(event),
                event: EVENT_NAME.to_owned(),
                repo: Some(repo().id),
                body: delivery_body(event),
                received_at: services.clock.now(),
            };
            Done::Delivered(match services.store.insert_delivery(delivery).await {
                Ok(Inserted::New) => 202,
                Ok(Inserted::Duplicate) => 200,
                Err(_) => 503,
            })
        });
    }

    /// A runner makes its next request, if it still lives.
    pub(super) fn runner_acts(&mut self, run: RunId, step: u8) {
        let (attempt, dies) = {
            let mut truth = lock(&self.truth);
            let dies_rate = truth.rates.runners_die / 4;
            let dies = truth.dice.happens(dies_rate);
            let Some(known) = truth.runs.iter().find(|known| known.id == run) else { return };
            let (progress, purpose) = (known.progress, known.purpose);
            let Purpose::Attempt(attempt) = purpose else { return };
            if progress != Progress::Queued {
                return;
            }
            (attempt, dies)
        };
        let Some(request) = Request::ALL.get(usize::from(step)).copied().filter(|_| !dies) else {
            end_run(&mut lock(&self.truth), run);
            return;
        };
        let Some(replica) = self.some_replica() else {
            lock(&self.truth).schedule(5_000, Act::RunnerActs(run, step));
            return;
        };
        let known = self.runners.iter().position(|runner| runner.run == run);
        let at = known.unwrap_or_else(|| {
            let errand = Errand::thrown(&mut lock(&self.truth).dice);
            self.runners.push(Runner { run, attempt, errand, token: None, asked: 0, head: None });
            self.runners.len() - 1
        });
        self.runners[at].asked += 1;
        let runner = self.runners[at].clone();
        let services = self.replicas[replica].services.clone();
        self.spawn(replica, Owner::Runner(run, step), async move {
            Done::Asked(ask(services, runner, request).await)
        });
    }

    pub(super) fn asked(&mut self, (run, step): (RunId, u8), answer: Answer) {
        let mut truth = lock(&self.truth);
        match answer {
            Answer::Later => truth.schedule(5_000, Act::RunnerActs(run, step)),
            Answer::Over => end_run(&mut truth, run),
            Answer::Next(runner) => {
                if let Some(known) = self.runners.iter_mut().find(|known| known.run == run) {
                    *known = *runner;
                }
                let (silent, doubled) = (truth.rates.runners_silent, truth.rates.reports_doubled);
                let is_silent = truth.dice.happens(silent);
                let pause = if is_silent { 15 * 60_000 } else { 60_000 };
                let delay = truth.dice.within(1_000, pause);
                truth.schedule(delay, Act::RunnerActs(run, step + 1));
                if truth.dice.happens(doubled) {
                    truth.schedule(delay + 1, Act::RunnerActs(run, step + 1));
                }
            }
        }
    }

    pub(super) fn planned(&mut self, planned: Planned) {
        let now = self.now();
        match planned {
            Planned::StopStep => {
                let workers = self.at_work();
                if !workers.is_empty() {
                    let at = *self.dice.one(&workers);
                    self.stop(at);
                }
            }
            Planned::PauseStep(ms) => {
                let workers = self.at_work();
                if !workers.is_empty() {
                    let at = *self.dice.one(&workers);
                    self.tasks[at].paused_until = now + ms;
                }
            }
            Planned::StopReplica(replica, ms) => {
                while let Some(at) = self.tasks.iter().position(|task| task.replica == replica) {
                    self.stop(at);
                }
                self.replicas[replica].down_until = now + ms;
            }
            Planned::Jump(replica, by) => {
                self.replicas[replica].offset.store(by, Ordering::Relaxed);
            }
            Planned::StoreOutage(ms) => lock(&self.truth).store_down_until = now + ms,
            Planned::ForgeOutage(ms) => lock(&self.truth).down_until = now + ms,
            of_people => by_people(&mut lock(&self.truth), of_people),
        }
    }

    /// Steps of workers, and turns of reconciling, that are under way.
    fn at_work(&self) -> Vec<usize> {
        let is_step = |task: &Task| matches!(task.owner, Owner::Worker(..) | Owner::Reconciler(_));
        (0..self.tasks.len()).filter(|at| is_step(&self.tasks[*at])).collect()
    }

    /// A future is dropped: whoever carried it out is gone.
    fn stop(&mut self, at: usize) {
        let task = self.tasks.swap_remove(at);
        match task.owner {
            Owner::Worker(replica, slot) => self.replicas[replica].rests[slot] = Rest::OVER,
            Owner::Reconciler(replica) => self.replicas[replica].reconciler = Rest::OVER,
            Owner::Hook(event) => lock(&self.truth).logged(event, None),
            Owner::Runner(run, step) => self.asked((run, step), Answer::Later),
        }
    }

    /// Nothing fails any more.
    pub(super) fn calm(&mut self) {
        for replica in &mut self.replicas {
            replica.offset.store(0, Ordering::Relaxed);
            replica.down_until = 0;
        }
        let mut truth = lock(&self.truth);
        truth.rates = Rates::default();
        (truth.down_until, truth.store_down_until) = (0, 0);
        self.told_in_trouble = truth.log.len();
        let period = EVERY_MS + HEARD_LATER_MS + self.ahead();
        truth.schedule(period, Act::PeriodEnds);
    }

    /// By how much a clock was ahead at most. A turn says by its own clock when the next is due.
    fn ahead(&self) -> i64 {
        let jumps = self.plan.acts.iter().map(|(_, act)| match act {
            Planned::Jump(_, by) => *by,
            _ => 0,
        });
        jumps.max().unwrap_or(0).max(0)
    }

    /// Everything that the forge has tried to tell while things failed is known by now.
    pub(super) fn period_ends(&mut self) {
        let truth = lock(&self.truth);
        let tables = self.store.tables();
        let tried = truth.log.iter().take(self.told_in_trouble).map(|logged| logged.event);
        let unheard: BTreeSet<usize> =
            tried.filter(|event| !tables.has_heard(&delivery_id(*event))).collect();
        self.unheard.extend(unheard.into_iter().map(|event| truth.events[event].clone()));
    }
}

fn by_people(truth: &mut Truth, planned: Planned) {
    if let Planned::Open(nature) = planned {
        truth.open(nature);
        return;
    }
    let number = match planned {
        Planned::Push(number, _)
        | Planned::Say(number, ..)
        | Planned::Press(number, _)
        | Planned::SetState(number, _)
        | Planned::StopLabel(number)
        | Planned::NoStopLabel(number)
        | Planned::AutoMerge(number) => PrNumber::new(number),
        _ => return,
    };
    let Some(pull) = truth.pull_mut(number) else { return };
    match planned {
        Planned::Push(_, nature) if pull.state == PullState::Open => truth.push(number, nature),
        Planned::Say(_, who, command) => truth.say(number, who, command),
        Planned::Press(_, button) => truth.press(number, button),
        Planned::SetState(_, state) => truth.set_state(number, state),
        Planned::StopLabel(_) => truth.add_label(number, &label(STOP_LABEL), "mona"),
        Planned::NoStopLabel(_) => truth.remove_label(number, &label(STOP_LABEL), "mona"),
        Planned::AutoMerge(_) if pull.auto_merge.is_none() => {
            pull.auto_merge = Some(AutoMerge {
                enabled_by: Login::parse("mona").unwrap(),
                method: "squash".to_owned(),
                commit_title: None,
                commit_message: None,
            });
            let change = PullChange::AutoMergeEnabled;
            truth.changed(number, change, "mona");
        }
        _ => {}
    }
}
