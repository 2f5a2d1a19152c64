//! What happens in a history at its time: webhooks arrive, runners ask, people act, luck fails.

use std::sync::atomic::Ordering;

use selfheal::domain::event::PullChange;
use selfheal::domain::ids::{DeliveryId, Login, PrNumber, RunId};
use selfheal::domain::pull::{AutoMerge, PullState};
use selfheal::ports::store::NewDelivery;

use super::{Done, History, Owner, Task};
use crate::simulation::forge::{end_run, lock};
use crate::simulation::plan::{Planned, Rates};
use crate::simulation::replica::Rest;
use crate::simulation::runner::{Answer, Errand, Request, Runner, ask};
use crate::simulation::truth::{Act, Progress, Purpose, STOP_LABEL, Truth, label, repo};

impl History<'_> {
    pub(super) fn deliver(&mut self, event: usize) {
        let Some(replica) = self.some_replica() else {
            lock(&self.truth).lost.push(event);
            return;
        };
        let services = self.replicas[replica].services.clone();
        self.spawn(replica, Owner::Hook(event), async move {
            let delivery = NewDelivery {
                id: DeliveryId::parse(&format!("hook-{event}")).unwrap(),
                event: "simulated".to_owned(),
                repo: Some(repo().id),
                body: event.to_string().into_bytes().into(),
                received_at: services.clock.now(),
            };
            Done::Delivered(services.store.insert_delivery(delivery).await.is_ok())
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

    /// Steps of workers that are under way.
    fn at_work(&self) -> Vec<usize> {
        let is_step = |task: &Task| matches!(task.owner, Owner::Worker(..));
        (0..self.tasks.len()).filter(|at| is_step(&self.tasks[*at])).collect()
    }

    /// A future is dropped: whoever carried it out is gone.
    fn stop(&mut self, at: usize) {
        let task = self.tasks.swap_remove(at);
        match task.owner {
            Owner::Worker(replica, slot) => self.replicas[replica].rests[slot] = Rest::OVER,
            Owner::Hook(event) => lock(&self.truth).lost.push(event),
            Owner::Runner(run, step) => self.asked((run, step), Answer::Later),
        }
    }

    /// Nothing fails any more, and what was lost arrives, as the forge's own log makes it.
    pub(super) fn calm(&mut self) {
        for replica in &mut self.replicas {
            replica.offset.store(0, Ordering::Relaxed);
            replica.down_until = 0;
        }
        let mut truth = lock(&self.truth);
        truth.rates = Rates::default();
        (truth.down_until, truth.store_down_until) = (0, 0);
        for event in std::mem::take(&mut truth.lost) {
            let delay = truth.dice.within(0, 5 * 60_000);
            truth.schedule(delay, Act::Deliver(event));
        }
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
