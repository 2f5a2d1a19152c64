//! The composition root: the only place that names adapters and puts them together.

pub mod database;
pub mod diagnosis;
pub mod hearing;
pub mod receipts;
mod registrar;
pub mod serving;
mod system;
pub mod watching;

use std::sync::Arc;

use axum::Router;
use secrecy::SecretString;
use thiserror::Error;
use url::Url;

pub use registrar::GithubRegistrar;
pub use system::{SystemClock, SystemIds};

use crate::compute::actions::ActionsCompute;
use crate::config::server::{AppCredentials, ModelSettings, ServerSettings};
use crate::domain::figures::Stats;
use crate::domain::limits::Limits;
use crate::domain::model::Provider;
use crate::forge::github::inbound::GithubInbound;
use crate::forge::github::oidc::OidcVerifier;
use crate::forge::github::{GithubForge, GithubSettings, SetupError};
use crate::http::{self, DoorLimits, Operators, Tokens};
use crate::models::Tiers;
use crate::ports::checkpoints::CheckpointStore;
use crate::ports::clock::{Clock, Ids};
use crate::ports::figures::FigureStore;
use crate::ports::flakes::FlakeStore;
use crate::ports::forge::Forge;
use crate::ports::inputs::InputStore;
use crate::ports::ledger::Ledger;
use crate::ports::logs::LogStore;
use crate::ports::remedies::RemedyStore;
use crate::ports::store::Store;
use crate::ports::upkeep::Upkeep;
use crate::providers::{HttpProviders, Way, WayError};
use crate::service::live::Live;
use crate::service::live::keys::Keys;
use crate::service::models::{CALLS_MAX, Models, Patience, Terms};
use crate::service::receipts::{SignError, Signer};
use crate::service::stats::Wanted;
use crate::service::worker::Worker;
use crate::service::{self, Bases, PolicyCache, Services};
use crate::store::{Migrate, OpenError, SqlStore};

/// The workflow that target repositories copy.
pub const WORKFLOW: &str = include_str!("../workflows/selfheal.yml");

/// Everything that an instance is made of.
pub struct Parts {
    /// `sqlite:PATH` or `postgres://…`.
    pub database: String,
    /// Whether the schema is brought up to date.
    pub migrate: Migrate,
    /// How GitHub is reached.
    pub github: GithubSettings,
    /// Secrets that webhooks may be signed with.
    pub webhook_secrets: Vec<SecretString>,
    /// Who signs runners' tokens.
    pub oidc_issuer: String,
    /// Where GitHub and runners reach this server; also the audience of runners' tokens.
    pub public_url: Url,
    /// How much is taken and done at once.
    pub limits: Limits,
    /// Which models may be called, and for how much.
    pub models: ModelSettings,
    /// How long is waited for their providers.
    pub patience: Patience,
    /// What operators show to be served.
    pub tokens: Tokens,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and secrets.
    pub ids: Arc<dyn Ids>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("github", &self.github)
            .field("public_url", &self.public_url.as_str())
            .finish_non_exhaustive()
    }
}

impl Parts {
    /// The parts of an instance by its settings, with the machine's own time and randomness.
    ///
    /// # Errors
    /// When the public address cannot be made out.
    pub fn by_settings(
        settings: &ServerSettings,
        app: AppCredentials,
    ) -> Result<Self, url::ParseError> {
        Ok(Self {
            database: settings.database_url.expose().to_owned(),
            migrate: database::migrate_at_start(settings),
            github: GithubSettings {
                app_id: app.app_id,
                private_key: app.private_key,
                api_url: settings.github.api_url.clone(),
                graphql_url: settings.github.graphql_url.clone(),
            },
            webhook_secrets: app.webhook_secrets,
            oidc_issuer: settings.github.oidc_issuer.clone(),
            public_url: public_url(settings)?,
            limits: settings.limits,
            models: settings.models.clone(),
            patience: Patience::default(),
            tokens: Tokens {
                api: settings.api_token.clone(),
                metrics: settings.metrics_token.clone(),
            },
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        })
    }
}

/// Where the server is reached; when nobody said so, the address that it listens on.
fn public_url(settings: &ServerSettings) -> Result<Url, url::ParseError> {
    match &settings.public_url {
        Some(url) => Ok(url.clone()),
        None => Url::parse(&format!("http://{}", settings.listen)),
    }
}

/// The logs that an instance has kept; it may be running.
///
/// # Errors
/// [`OpenError`] when the database cannot be opened.
pub async fn kept_logs(settings: &ServerSettings) -> Result<Arc<dyn LogStore>, OpenError> {
    Ok(database::opened(settings).await?)
}

/// What running again has shown an instance; it may be running.
///
/// # Errors
/// [`OpenError`] when the database cannot be opened.
pub async fn flakes(settings: &ServerSettings) -> Result<Arc<dyn FlakeStore>, OpenError> {
    Ok(database::opened(settings).await?)
}

/// What has healed in an instance; it may be running.
///
/// # Errors
/// [`OpenError`] when the database cannot be opened.
pub async fn remedies(settings: &ServerSettings) -> Result<Arc<dyn RemedyStore>, OpenError> {
    Ok(database::opened(settings).await?)
}

/// What keeps an instance's store whole; it may be running.
///
/// # Errors
/// [`OpenError`] when the database cannot be opened.
pub async fn upkeep(settings: &ServerSettings) -> Result<Arc<dyn Upkeep>, OpenError> {
    Ok(database::opened(settings).await?)
}

/// The figures of an instance; it may be running.
///
/// # Errors
/// When the database cannot be opened or read.
pub async fn stats(settings: &ServerSettings, wanted: &Wanted) -> anyhow::Result<Stats> {
    let store = database::opened(settings).await?;
    Ok(service::stats::stats(store.as_ref(), wanted, SystemClock.now()).await?)
}

/// Models as an operator set them up.
fn models(
    ledger: Arc<dyn Ledger>,
    settings: ModelSettings,
    patience: Patience,
) -> Result<Models, WayError> {
    let openai = settings.ways.get(&Provider::OpenAi).and_then(|way| way.base_url.host_str());
    let tiers = openai.map_or(Tiers::Another, Tiers::at);
    let ways = settings.ways.into_iter();
    let ways = ways.map(|(of, way)| (of, Way { base_url: way.base_url, key: way.key }));
    let providers = HttpProviders::new(ways.collect())?;
    let terms = Terms {
        prices: settings.prices,
        caps: settings.caps,
        models: settings.allowed,
        tiers,
        output_tokens_max: settings.output_tokens_max,
        patience,
        calls_max: CALLS_MAX,
        calls_per_attempt_max: settings.calls_per_attempt_max,
    };
    Ok(Models::new(ledger, Arc::new(providers), terms))
}

/// Why an instance could not be put together.
#[derive(Debug, Error)]
pub enum AssembleError {
    /// The store.
    #[error("the store cannot be used")]
    Store(#[from] OpenError),
    /// The forge.
    #[error("GitHub cannot be used")]
    Github(#[from] SetupError),
    /// The providers of models.
    #[error("the providers of models cannot be used")]
    Providers(#[from] WayError),
    /// The App's key.
    #[error("receipts cannot be signed")]
    Signer(#[from] SignError),
}

/// One instance of the server.
#[derive(Debug)]
pub struct App {
    services: Services,
    store: Arc<SqlStore>,
    github: Arc<GithubForge>,
    operators: Operators,
}

impl App {
    /// Puts an instance together; nothing runs yet.
    ///
    /// # Errors
    /// [`AssembleError`] when the store cannot be opened or the App's key cannot be read.
    pub async fn assemble(parts: Parts) -> Result<Self, AssembleError> {
        let store = SqlStore::open_within(&parts.database, parts.migrate, parts.limits).await?;
        let keys = Keys::of(&parts.github.private_key);
        let signer = Arc::new(Signer::of(&parts.github.private_key)?);
        let github = Arc::new(GithubForge::new(&parts.github, Arc::clone(&parts.clock))?);
        let forge: Arc<dyn Forge> = github.clone();
        let audience = parts.public_url.as_str();
        let identity = OidcVerifier::new(&parts.oidc_issuer, audience, Arc::clone(&parts.clock))?;
        let compute = ActionsCompute::new(Arc::clone(&forge), parts.public_url);
        let models = models(store.clone(), parts.models, parts.patience)?;
        let services = Services {
            store: store.clone() as Arc<dyn Store>,
            upkeep: store.clone() as Arc<dyn Upkeep>,
            logs: store.clone() as Arc<dyn LogStore>,
            checkpoints: store.clone() as Arc<dyn CheckpointStore>,
            inputs: store.clone() as Arc<dyn InputStore>,
            flakes: store.clone() as Arc<dyn FlakeStore>,
            figures: store.clone() as Arc<dyn FigureStore>,
            remedies: store.clone() as Arc<dyn RemedyStore>,
            forge,
            compute: Arc::new(compute),
            inbound: Arc::new(GithubInbound::new(parts.github.app_id, parts.webhook_secrets)),
            identity: Arc::new(identity),
            clock: parts.clock,
            ids: parts.ids,
            wake: Arc::new(tokio::sync::Notify::new()),
            models: Arc::new(models),
            live: Arc::new(Live::new(store.clone(), store.clone(), keys)),
            limits: parts.limits,
            policies: Arc::new(PolicyCache::default()),
            bases: Arc::new(Bases::default()),
            workflow_text: WORKFLOW,
        };
        let operators = Operators { tokens: parts.tokens, signer: Some(signer) };
        Ok(Self { services, store, github, operators })
    }

    /// What answers requests.
    pub fn router(&self) -> Router {
        http::router(self.services.clone(), DoorLimits::default(), self.operators.clone())
    }

    /// What carries out work; any number may run beside each other.
    pub fn worker(&self) -> Worker {
        Worker::new(self.services.clone())
    }

    /// Rouses resting workers whenever another process has left work, until the store is closed.
    pub async fn hear(&self) {
        let wake = &self.services.wake;
        self.store
            .listen(|| {
                wake.notify_waiters();
                wake.notify_one(); // one may be about to rest
            })
            .await;
    }

    /// The use cases.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// GitHub, for diagnosis.
    pub fn github(&self) -> &GithubForge {
        &self.github
    }

    /// Writes what waits and ends every connection.
    pub async fn close(&self) {
        self.store.close().await;
    }
}
