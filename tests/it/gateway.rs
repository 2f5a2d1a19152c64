//! The model gateway: what a runner's calls of models are worth, over real sockets, against a provider
//! that says what it is told.

mod bill;
mod caps;
mod cuts;
mod kills;
mod passing;
mod places;
mod refusals;
mod secrets;
mod shapes;
mod spent;
mod storm;

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use secrecy::SecretString;
use selfheal::config::server::{ModelSettings, ModelWay};
use selfheal::domain::ids::AttemptId;
use selfheal::domain::ledger::{Amount, Caps, Scope};
use selfheal::domain::model::Provider;
use selfheal::domain::money::Usd;
use selfheal::http::DoorLimits;
use selfheal::ports::ledger::Spent;
use selfheal::service::models::Patience;
use url::Url;
use world::Pull;
use world::models::ModelHost;

use crate::doors::door;
use crate::harness::{HandRunner, Tester, no_models};
use crate::stories::{broken_pull, widget_of};

/// What the operator pays with; it may be seen by the provider alone.
pub(crate) const KEY: &str = "sk-operator-0123456789";

/// Long enough for a machine under load, short enough that a test that hangs says so.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with one attempt at work, whose runner may call models of a provider that is scripted.
pub(crate) struct Scene {
    pub(crate) t: Tester,
    pub(crate) host: ModelHost,
    pub(crate) pull: Pull,
    runner: HandRunner,
    client: Client,
    /// The gateway's address, where it is not the server's own door.
    door: Option<String>,
}

/// Caps that nothing reaches but that of one scope.
pub(crate) fn only(scope: Scope, usd: &str, tokens: u64) -> Caps {
    let mut caps = Caps::NONE;
    caps.set(scope, Amount { usd: Usd::parse(usd).unwrap(), tokens });
    caps
}

/// Settings in which all providers are at one address.
pub(crate) fn models_at(url: &str, caps: Caps) -> ModelSettings {
    let way =
        || ModelWay { base_url: Url::parse(url).unwrap(), key: Some(SecretString::from(KEY)) };
    let ways: BTreeMap<_, _> = Provider::ALL.into_iter().map(|it| (it, way())).collect();
    ModelSettings { ways, caps, ..no_models() }
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(Caps::NONE, Patience::default()).await
    }

    pub(crate) async fn with(caps: Caps, patience: Patience) -> Self {
        Self::of("version: 1\n", caps, patience).await
    }

    /// The same in a repository with a policy of its own.
    pub(crate) async fn of(policy: &str, caps: Caps, patience: Patience) -> Self {
        let host = ModelHost::start().await.unwrap();
        let mut t = Tester::start().await;
        t.model(models_at(&host.url(), caps), patience).await;
        let repository = widget_of(&t.world, policy).await;
        let pull = broken_pull(&t, &repository).await;
        t.settle_with_ci().await;
        let runner = t.runner(&repository).await;
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { t, host, pull, runner, client, door: None }
    }

    /// The same through a door that gives a busy machine a minute for everything.
    pub(crate) async fn patient(self) -> Self {
        let minute = Duration::from_mins(1);
        let limits = DoorLimits {
            head: minute,
            body: minute,
            request: minute,
            room: minute,
            ..DoorLimits::default()
        };
        let door = format!("http://{}", door(self.t.app().services(), limits).await);
        let client = Client::builder().no_proxy().timeout(minute).build().unwrap();
        Self { door: Some(door), client, ..self }
    }

    pub(crate) fn attempt(&self) -> AttemptId {
        self.runner.brief.attempt
    }

    /// The address of the gateway for a path behind it.
    pub(crate) fn at(&self, path: &str) -> String {
        let door = self.door.clone().unwrap_or_else(|| self.t.url());
        format!("{door}/model/{}/{path}", self.attempt())
    }

    /// A request without any credential.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.at(path)).header("content-type", "application/json")
    }

    /// A request of the attempt's runner.
    pub(crate) fn call(&self, path: &str, body: impl Into<String>) -> RequestBuilder {
        self.bare(Method::POST, path).bearer_auth(self.runner.token()).body(body.into())
    }

    pub(crate) async fn answered(&self, path: &str, body: impl Into<String>) -> Response {
        self.call(path, body).send().await.unwrap()
    }

    pub(crate) fn token(&self) -> &str {
        self.runner.token()
    }

    /// What the attempt's calls took, by model.
    pub(crate) async fn spent(&self) -> Vec<Spent> {
        spent_by(&self.t, self.attempt()).await
    }

    /// What the attempt's calls took together.
    pub(crate) async fn charged(&self) -> Usd {
        charged(&self.spent().await)
    }
}

/// What an attempt's calls took, by model.
pub(crate) async fn spent_by(t: &Tester, attempt: AttemptId) -> Vec<Spent> {
    t.app().services().models.ledger().spent(attempt).await.unwrap()
}

/// What calls took together.
pub(crate) fn charged(spent: &[Spent]) -> Usd {
    spent.iter().fold(Usd::ZERO, |sum, spent| sum.plus(spent.charged.usd))
}

/// A header of an answer, as text.
pub(crate) fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}
