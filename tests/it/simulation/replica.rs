//! Replicas: the product's own services and worker, with a clock that may be wrong.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use selfheal::compute::actions::ActionsCompute;
use selfheal::config::prices;
use selfheal::domain::checkpoint::Checkpoint;
use selfheal::domain::event::Reading;
use selfheal::domain::flakes::Past;
use selfheal::domain::ids::{
    AttemptId, CallId, CaseId, JobId, PrNumber, RepoId, RepoSlug, RunId, Timestamp,
};
use selfheal::domain::ledger::{Caps, Usage};
use selfheal::domain::limits::Limits;
use selfheal::domain::model::Provider;
use selfheal::domain::policy::NameFilter;
use selfheal::models::Tiers;
use selfheal::ports::checkpoints::{CheckpointStore, NewCheckpoint, Taken};
use selfheal::ports::clock::{Clock, Ids};
use selfheal::ports::events::{EventRun, EventStore, KeptEvents, NewEvents, Standing};
use selfheal::ports::flakes::FlakeStore;
use selfheal::ports::forge::Forge;
use selfheal::ports::identity::{IdentityError, IdentityVerifier, RunnerClaims};
use selfheal::ports::inbound::{Inbound, NotAuthentic, Unreadable};
use selfheal::ports::ledger::{Account, Bill, Ledger, NewCall, Reserved, Settled, Spent};
use selfheal::ports::logs::{Kept, KeptLog, LogStore, NewLog};
use selfheal::ports::providers::{FromProvider, ProviderError, Providers, ToProvider};
use selfheal::ports::store::StoreError;
use selfheal::service::live::Live;
use selfheal::service::live::keys::Keys;
use selfheal::service::models::{Models, Patience, Terms};
use selfheal::service::worker::Worker;
use selfheal::service::{Bases, PolicyCache, Services};
use url::Url;
use uuid::Uuid;

use super::dice::Dice;
use super::forge::{Careless, Shared, SimForge, lock};
use super::memory::MemoryStore;
use super::plan::Rates;
use super::truth::{Truth, base_sha, repo};
use super::unasked::{NoFigures, NoInputs, NoRemedies};

/// Workers of each replica: enough to race within one process, too.
pub(crate) const WORKERS: usize = 2;

/// The time that all clocks are set by.
pub(crate) type Time = Arc<AtomicI64>;

/// A process that serves.
pub(crate) struct Replica {
    pub(crate) services: Services,
    pub(crate) workers: [Arc<Worker>; WORKERS],
    /// By how much its clock is wrong.
    pub(crate) offset: Arc<AtomicI64>,
    /// Until when it is down.
    pub(crate) down_until: i64,
    pub(crate) rests: [Rest; WORKERS],
    /// The same of its reconciler.
    pub(crate) reconciler: Rest,
}

/// What a worker that found nothing to do waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rest {
    /// It works.
    No,
    /// Until that time, or later when nothing is due.
    Until(i64),
}

impl Rest {
    /// It looks for work at once.
    pub(crate) const OVER: Self = Self::Until(0);
}

struct SkewedClock {
    time: Time,
    offset: Arc<AtomicI64>,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        let offset = self.offset.load(Ordering::Relaxed);
        Timestamp::from_millis(self.time.load(Ordering::Relaxed) + offset)
    }

    fn ticks_ms(&self) -> i64 {
        self.time.load(Ordering::Relaxed)
    }
}

/// Ids that order by the clock of their replica, as UUIDs of version 7 do.
struct SkewedIds {
    clock: SkewedClock,
    counted: Arc<AtomicU64>,
}

impl SkewedIds {
    fn next(&self) -> u64 {
        self.counted.fetch_add(1, Ordering::Relaxed)
    }
}

impl Ids for SkewedIds {
    fn uuid(&self) -> Uuid {
        let time = u128::try_from(self.clock.now().millis()).unwrap();
        Uuid::from_u128((time << 80) | u128::from(self.next()))
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&self.next().to_le_bytes());
        bytes
    }
}

/// Deliveries whose body is the number of an event of the [`super::truth::Truth`].
struct SimInbound(Shared);

impl Inbound for SimInbound {
    fn verify(&self, _body: &[u8], _signature: Option<&str>) -> Result<(), NotAuthentic> {
        Ok(())
    }

    fn read(&self, _event: &str, body: &[u8]) -> Result<Reading, Unreadable> {
        let number: usize = std::str::from_utf8(body).unwrap().parse().unwrap();
        Ok(Reading::Event(Box::new(lock(&self.0).events[number].clone())))
    }
}

/// Tokens that say which run they are of: `RUN:ANYTHING`.
struct SimIdentity;

#[async_trait]
impl IdentityVerifier for SimIdentity {
    async fn verify(&self, token: &str) -> Result<RunnerClaims, IdentityError> {
        let run = token.split(':').next().unwrap().parse().unwrap();
        Ok(RunnerClaims {
            repo: repo().id,
            run: RunId::new(run),
            event: "workflow_dispatch".to_owned(),
            workflow: "acme/widget/.github/workflows/selfheal.yml@refs/heads/main".to_owned(),
            git_ref: "refs/heads/main".to_owned(),
            token_id: token.to_owned(),
        })
    }
}

/// Keeps no log: nothing is decided by one.
struct NoLogs;

#[async_trait]
impl LogStore for NoLogs {
    async fn keep_log(&self, _log: NewLog) -> Result<Kept, StoreError> {
        Ok(Kept::Yes)
    }

    async fn logs(&self, _: &RepoSlug, _: PrNumber) -> Result<Vec<KeptLog>, StoreError> {
        Ok(Vec::new())
    }

    async fn log(
        &self,
        _repo: &RepoSlug,
        _number: PrNumber,
        _job: JobId,
    ) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }

    async fn forget_logs(&self, _before: Timestamp, _bytes: u64) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// Nothing that a history decides follows from them.
struct NoCheckpoints;

#[async_trait]
impl CheckpointStore for NoCheckpoints {
    async fn keep_checkpoint(&self, _new: NewCheckpoint) -> Result<Taken, StoreError> {
        Ok(Taken::Yes)
    }

    async fn checkpoint(&self, _attempt: AttemptId) -> Result<Option<Checkpoint>, StoreError> {
        Ok(None)
    }
}

/// What ran again is counted elsewhere; here nothing has a past.
struct NoFlakes;

#[async_trait]
impl FlakeStore for NoFlakes {
    async fn pasts(&self, _repo: RepoId, _since: Timestamp) -> Result<Vec<Past>, StoreError> {
        Ok(Vec::new())
    }

    async fn tried(&self, _since: Timestamp) -> Result<Vec<(RepoId, RepoSlug)>, StoreError> {
        Ok(Vec::new())
    }

    async fn forget_trials(&self, _before: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// No history calls a model.
struct NoModels;

#[async_trait]
impl Ledger for NoModels {
    async fn account(&self, _attempt: AttemptId) -> Result<Option<Account>, StoreError> {
        Ok(None)
    }

    async fn usage(
        &self,
        _: Option<CaseId>,
        _: RepoId,
        _: PrNumber,
        _: Timestamp,
    ) -> Result<Usage, StoreError> {
        Ok(Usage::default())
    }

    async fn reserve(&self, _call: NewCall) -> Result<Reserved, StoreError> {
        Ok(Reserved::AttemptOver)
    }

    async fn settle(&self, _: CallId, _: Bill, _: Timestamp) -> Result<Settled, StoreError> {
        Ok(Settled::Before)
    }

    async fn spent(&self, _attempt: AttemptId) -> Result<Vec<Spent>, StoreError> {
        Ok(Vec::new())
    }

    async fn overruns(&self, _since: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn give_up_calls(&self, _: Timestamp, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn forget_calls(&self, _before: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }
}

#[async_trait]
impl Providers for NoModels {
    fn open(&self) -> Vec<Provider> {
        Vec::new()
    }

    async fn send(&self, request: ToProvider) -> Result<FromProvider, ProviderError> {
        Err(ProviderError::NotSetUp(request.provider))
    }
}

/// No history has a runner that tells, nor anybody who watches.
struct NoEvents;

#[async_trait]
impl EventStore for NoEvents {
    async fn keep_events(&self, new: NewEvents) -> Result<KeptEvents, StoreError> {
        Err(StoreError::Missing(new.seat.attempt.to_string()))
    }

    async fn events(
        &self,
        _attempt: AttemptId,
        _from: u64,
        _bytes_max: usize,
    ) -> Result<Vec<EventRun>, StoreError> {
        Ok(Vec::new())
    }

    async fn standings(&self, _attempts: &[AttemptId]) -> Result<Vec<Standing>, StoreError> {
        Ok(Vec::new())
    }

    async fn forget_events(&self, _before: Timestamp, _bytes: u64) -> Result<u64, StoreError> {
        Ok(0)
    }
}

fn nobody_watches() -> Arc<Live> {
    let keys = Keys::of(&"nobody's".into());
    Arc::new(Live::new(Arc::new(NoEvents), Arc::new(NoModels), keys))
}

fn no_models() -> Arc<Models> {
    let terms = Terms {
        prices: prices::shipped(),
        caps: Caps::default(),
        models: NameFilter::default(),
        tiers: Tiers::Another,
        output_tokens_max: 1,
        patience: Patience::default(),
        calls_max: 1,
        calls_per_attempt_max: 1,
    };
    Arc::new(Models::new(Arc::new(NoModels), Arc::new(NoModels), terms))
}

/// The one policy of all histories. It is the same in each and takes long to make, so it is read
/// before the first one, lest that differ from the others.
static POLICIES: LazyLock<Arc<PolicyCache>> = LazyLock::new(|| {
    let policies = Arc::new(PolicyCache::default());
    let truth = Truth::new(0, Rates::default(), Dice::of(0, 0));
    let forge = SimForge { truth: Arc::new(Mutex::new(truth)), careless: Careless::Not };
    let (repo, base) = (repo(), base_sha());
    let mut reading = Box::pin(policies.at(&forge, &repo, &base));
    let mut context = Context::from_waker(Waker::noop());
    while reading.as_mut().poll(&mut context).is_pending() {}
    drop(reading);
    policies
});

/// What replicas of one history have in common.
pub(crate) struct Surroundings {
    pub(crate) truth: Shared,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) time: Time,
    pub(crate) counted: Arc<AtomicU64>,
    pub(crate) careless: Careless,
}

impl Replica {
    pub(crate) fn new(of: &Surroundings) -> Self {
        let offset = Arc::new(AtomicI64::new(0));
        let clock = || SkewedClock { time: of.time.clone(), offset: offset.clone() };
        let truth = of.truth.clone();
        let forge: Arc<dyn Forge> = Arc::new(SimForge { truth, careless: of.careless });
        let server = Url::parse("https://heal.example").unwrap();
        let services = Services {
            store: of.store.clone(),
            upkeep: of.store.clone(),
            logs: Arc::new(NoLogs),
            checkpoints: Arc::new(NoCheckpoints),
            inputs: Arc::new(NoInputs),
            flakes: Arc::new(NoFlakes),
            figures: Arc::new(NoFigures),
            remedies: Arc::new(NoRemedies),
            forge: forge.clone(),
            compute: Arc::new(ActionsCompute::new(forge, server)),
            inbound: Arc::new(SimInbound(of.truth.clone())),
            identity: Arc::new(SimIdentity),
            clock: Arc::new(clock()),
            ids: Arc::new(SkewedIds { clock: clock(), counted: of.counted.clone() }),
            wake: Arc::new(tokio::sync::Notify::new()),
            models: no_models(),
            live: nobody_watches(),
            limits: Limits::default(),
            policies: POLICIES.clone(),
            bases: Arc::new(Bases::default()),
            workflow_text: "",
        };
        Self {
            workers: std::array::from_fn(|_| Arc::new(Worker::new(services.clone()))),
            services,
            offset,
            down_until: 0,
            rests: [Rest::OVER; WORKERS],
            reconciler: Rest::OVER,
        }
    }
}
