//! A history: one plan, carried out turn by turn until nothing is left to happen.
//!
//! Nothing runs by itself. Every step, delivery and request is a future that gives way at each call
//! of a port; dice decide who goes on. A future that is dropped is a process that died, one that is
//! not polled for a while is a process that was paused. Time moves a little with every turn, and to
//! the next thing that happens when nobody has anything to do. The same plan is the same history.

mod acts;

use std::cmp::Reverse;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use selfheal::domain::event::Event;
use selfheal::domain::ids::RunId;
use selfheal::ports::store::StoreError;
use selfheal::service::reconcile;
use selfheal::service::worker::Step;

use super::dice::Dice;
use super::forge::{Careless, Shared, lock};
use super::memory::{Broken, Fate, MemoryStore};
use super::plan::Plan;
use super::replica::{Replica, Rest, Surroundings, WORKERS};
use super::runner::{Answer, Runner};
use super::truth::{Act, Truth};

/// When histories begin; nothing depends on the day.
pub(crate) const BEGINNING_MS: i64 = 1_767_268_800_000;

/// A history is over so long after the last fault: longer than three runners in a row can be waited
/// for in vain (30 minutes each) by a clock that was wrong by an hour.
const CALM_MS: i64 = 4 * 60 * 60_000;

/// How much longer than a period of reconciling it may take, by right clocks, until everything is
/// heard of that was told while things failed: two askings, and the turn itself.
const HEARD_LATER_MS: i64 = 2 * RECONCILE_ASKS_MS + 60_000;

/// Turns after which a history goes in circles.
const TURNS_MAX: u64 = 60_000;

/// What a worker waits when it finds nothing, or the store fails it.
const IDLE_MS: i64 = 1_000;

/// What a replica waits before it asks again whether a turn of reconciling is due.
const RECONCILE_ASKS_MS: i64 = 30_000;

/// What is broken on purpose, to show that the oracle sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Breakage {
    pub(crate) store: Broken,
    pub(crate) forge: Careless,
}

impl Breakage {
    pub(crate) const NONE: Self = Self { store: Broken::Not, forge: Careless::Not };
}

/// How a history went.
pub(crate) struct Ended {
    pub(crate) truth: Shared,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) turns: u64,
    pub(crate) goes_in_circles: bool,
    /// What nobody had heard of one period of reconciling after the last fault.
    pub(crate) unheard: Vec<Event>,
}

/// Who a future works for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Worker(usize, usize),
    Reconciler(usize),
    Hook(usize),
    Runner(RunId, u8),
}

/// What a future comes to.
enum Done {
    Step(Result<Step, StoreError>),
    Reconciled,
    /// With which HTTP status it was answered.
    Delivered(u16),
    Asked(Answer),
}

struct Task {
    replica: usize,
    owner: Owner,
    paused_until: i64,
    future: Pin<Box<dyn Future<Output = Done> + Send>>,
}

/// When something can be claimed, as of that version of the store.
#[derive(Debug, Clone, Copy, Default)]
struct Due {
    version: u64,
    work: Option<i64>,
    reconciling: i64,
}

pub(crate) struct History<'a> {
    plan: &'a Plan,
    truth: Shared,
    store: Arc<MemoryStore>,
    time: Arc<AtomicI64>,
    replicas: Vec<Replica>,
    tasks: Vec<Task>,
    runners: Vec<Runner>,
    dice: Dice,
    turns: u64,
    due: Due,
    end: i64,
    /// How many tries to tell there were while things failed.
    told_in_trouble: usize,
    unheard: Vec<Event>,
}

impl<'a> History<'a> {
    pub(crate) fn new(plan: &'a Plan, breakage: Breakage) -> Self {
        let truth = Truth::new(BEGINNING_MS, plan.rates, Dice::of(plan.seed, 3));
        let truth = Arc::new(Mutex::new(truth));
        let asked = truth.clone();
        let store = MemoryStore::with(breakage.store, Box::new(move || fate(&mut lock(&asked))));
        let time = Arc::new(AtomicI64::new(BEGINNING_MS));
        let surroundings = Surroundings {
            truth: truth.clone(),
            store: store.clone(),
            time: time.clone(),
            counted: Arc::new(AtomicU64::new(1)),
            careless: breakage.forge,
        };
        {
            let mut truth = lock(&truth);
            for (index, (at, _)) in plan.acts.iter().enumerate() {
                truth.schedule(*at, Act::Planned(index));
            }
            truth.schedule(plan.faults_end, Act::FaultsEnd);
        }
        Self {
            plan,
            truth,
            store,
            time,
            replicas: (0..plan.replicas).map(|_| Replica::new(&surroundings)).collect(),
            tasks: Vec::new(),
            runners: Vec::new(),
            dice: Dice::of(plan.seed, 4),
            turns: 0,
            due: Due::default(),
            end: BEGINNING_MS + plan.faults_end + CALM_MS,
            told_in_trouble: 0,
            unheard: Vec::new(),
        }
    }

    /// Carries it out.
    pub(crate) fn run(mut self) -> Ended {
        while self.turns < TURNS_MAX {
            self.turns += 1;
            let acts = self.happens();
            self.rouse();
            if !self.turn() && !acts && !self.wait() {
                break;
            }
        }
        Ended {
            goes_in_circles: self.turns >= TURNS_MAX,
            truth: self.truth,
            store: self.store,
            turns: self.turns,
            unheard: self.unheard,
        }
    }

    fn now(&self) -> i64 {
        self.time.load(Ordering::Relaxed)
    }

    fn set_time(&mut self, now: i64) {
        self.time.store(now, Ordering::Relaxed);
        lock(&self.truth).now = now;
    }

    /// What is due in the world happens, one thing; whether there was any.
    fn happens(&mut self) -> bool {
        let act = {
            let mut truth = lock(&self.truth);
            let is_due = truth.agenda.peek().is_some_and(|Reverse((at, ..))| *at <= truth.now);
            if !is_due {
                return false;
            }
            truth.agenda.pop().map(|Reverse((_, _, act))| act).unwrap()
        };
        match act {
            Act::Deliver(event) => self.deliver(event),
            Act::CiStarts(_, sha) => lock(&self.truth).start_ci(&sha),
            Act::CiEnds(run, attempt) => lock(&self.truth).end_ci(run, attempt),
            Act::RunnerActs(run, step) => self.runner_acts(run, step),
            Act::Planned(index) => self.planned(self.plan.acts[index].1),
            Act::FaultsEnd => self.calm(),
            Act::PeriodEnds => self.period_ends(),
        }
        true
    }

    /// A replica that is up; all are when nothing fails any more.
    fn some_replica(&mut self) -> Option<usize> {
        let now = self.now();
        let replica = self.dice.below(self.replicas.len());
        (self.replicas[replica].down_until <= now).then_some(replica)
    }

    fn spawn(
        &mut self,
        replica: usize,
        owner: Owner,
        future: impl Future<Output = Done> + Send + 'static,
    ) {
        self.tasks.push(Task { replica, owner, paused_until: 0, future: Box::pin(future) });
    }

    /// Workers begin a step when there may be something to claim by their clock. Looking in vain
    /// changes nothing, so that they are spared it.
    fn rouse(&mut self) {
        let now = self.now();
        for replica in 0..self.replicas.len() {
            for slot in 0..WORKERS {
                if self.begins_at(replica, slot).is_none_or(|at| at > now) {
                    continue;
                }
                self.replicas[replica].rests[slot] = Rest::No;
                let worker = self.replicas[replica].workers[slot].clone();
                self.spawn(replica, Owner::Worker(replica, slot), async move {
                    Done::Step(worker.step().await)
                });
            }
            if self.reconciles_at(replica).is_some_and(|at| at <= now) {
                self.replicas[replica].reconciler = Rest::No;
                let services = self.replicas[replica].services.clone();
                self.spawn(replica, Owner::Reconciler(replica), async move {
                    // Trouble is none of the history's: the next turn makes it good, or the oracle
                    // sees what is missing.
                    let _ = reconcile::turn(&services).await;
                    Done::Reconciled
                });
            }
        }
    }

    /// What can be claimed by now.
    fn due(&mut self) -> Due {
        let tables = self.store.tables();
        if self.due.version != tables.version {
            self.due = Due {
                version: tables.version,
                work: tables.next_claim(),
                reconciling: tables.next_reconcile(),
            };
        }
        self.due
    }

    /// When a replica that does not reconcile begins its next turn; `None` while it does.
    fn reconciles_at(&mut self, replica: usize) -> Option<i64> {
        let due = self.due().reconciling;
        let replica = &self.replicas[replica];
        let Rest::Until(at) = replica.reconciler else { return None };
        Some((due - replica.offset.load(Ordering::Relaxed)).max(at).max(replica.down_until))
    }

    /// When a worker that rests begins its next step; `None` while it works or nothing is due.
    fn begins_at(&mut self, replica: usize, slot: usize) -> Option<i64> {
        let due = self.due().work;
        let replica = &self.replicas[replica];
        let Rest::Until(at) = replica.rests[slot] else { return None };
        let due = due? - replica.offset.load(Ordering::Relaxed);
        Some(due.max(at).max(replica.down_until))
    }

    /// One future goes on to its next turn; whether there was one.
    fn turn(&mut self) -> bool {
        let now = self.now();
        let is_free = |task: &Task| task.paused_until <= now;
        let free = self.tasks.iter().filter(|task| is_free(task)).count();
        if free == 0 {
            return false;
        }
        let nth = self.dice.below(free);
        let at = (0..self.tasks.len()).filter(|at| is_free(&self.tasks[*at])).nth(nth).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let polled = self.tasks[at].future.as_mut().poll(&mut context);
        if let Poll::Ready(done) = polled {
            let owner = self.tasks.swap_remove(at).owner;
            self.done(owner, done);
        }
        let takes = if self.dice.happens(20) { 5_000 } else { 60 };
        let takes = self.dice.within(0, takes);
        self.set_time(now + takes);
        true
    }

    fn done(&mut self, owner: Owner, done: Done) {
        match (owner, done) {
            (Owner::Worker(replica, slot), Done::Step(step)) => {
                self.replicas[replica].rests[slot] = self.rest(&step);
            }
            (Owner::Reconciler(replica), Done::Reconciled) => {
                self.replicas[replica].reconciler = Rest::Until(self.now() + RECONCILE_ASKS_MS);
            }
            (Owner::Hook(event), Done::Delivered(answer)) => {
                lock(&self.truth).logged(event, Some(answer));
            }
            (Owner::Runner(run, step), Done::Asked(answer)) => self.asked((run, step), answer),
            (Owner::Worker(..) | Owner::Reconciler(_) | Owner::Hook(_) | Owner::Runner(..), _) => {}
        }
    }

    fn rest(&self, step: &Result<Step, StoreError>) -> Rest {
        match step {
            Ok(Step::Worked) => Rest::OVER,
            Ok(Step::Idle) | Err(_) => Rest::Until(self.now() + IDLE_MS),
        }
    }

    /// Time goes on to the next thing that happens before the end; whether there is one. What is under
    /// way at the end is finished.
    fn wait(&mut self) -> bool {
        let now = self.now();
        let agenda = lock(&self.truth).agenda.peek().map(|Reverse((at, ..))| *at);
        let slots = (0..self.replicas.len())
            .flat_map(|replica| (0..WORKERS).map(move |slot| (replica, slot)));
        let mut rests: Vec<i64> =
            slots.filter_map(|(replica, slot)| self.begins_at(replica, slot)).collect();
        let replicas = 0..self.replicas.len();
        rests.extend(replicas.filter_map(|replica| self.reconciles_at(replica)));
        let paused = self.tasks.iter().map(|task| task.paused_until);
        let next = agenda.into_iter().chain(paused).chain(rests).filter(|at| *at > now).min();
        let Some(next) = next.filter(|next| *next <= self.end) else { return false };
        self.set_time(next);
        true
    }
}

/// What was done in a history, a line each, with minutes and seconds since its beginning.
pub(crate) fn told(ended: &Ended) -> String {
    let mut lines = String::new();
    for (at, deed) in &lock(&ended.truth).deeds {
        let seconds = (at - BEGINNING_MS) / 1_000;
        lines.push_str(&format!("  {:3}:{:02} {deed:?}\n", seconds / 60, seconds % 60));
    }
    lines
}

/// What becomes of the store's next transaction.
fn fate(truth: &mut Truth) -> Fate {
    let rates = truth.rates;
    if truth.store_down_until > truth.now || truth.dice.happens(rates.store_fails) {
        Fate::NotDone
    } else if truth.dice.happens(rates.store_unheard) {
        Fate::DoneUnheard
    } else {
        Fate::Done
    }
}
