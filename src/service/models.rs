//! Models: a runner's call is read, priced, reserved, sent under the operator's key, passed through as
//! it comes, and settled by what its provider says it counted.
//!
//! Invariant: nothing is sent that is not reserved, and what was sent is settled by the provider's own
//! figure or stays charged as reserved. From the reservation on, a call runs in a task of its own: it
//! does not end when its caller does.
//!
//! Races: the caller leaves while the answer comes: the rest is read for a while, because its figure is
//! usually a small part of what was reserved, and no provider promises that a closed connection is not
//! paid. The server is killed: the reservation stays, and is given up (and stays charged) after hours.
//! The last piece of an answer is passed on only when the call is settled, so that the next call of the
//! same agent finds the room that this one gave back.

mod call;
mod places;
mod room;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::runners::is_valid;
use super::{ServiceError, Services};
use crate::domain::ids::{AttemptId, CallId, Timestamp};
use crate::domain::ledger::{Amount, Caps, Refusal, Wish};
use crate::domain::model::{ModelName, ModelPrice, PriceList, Provider};
use crate::domain::policy::NameFilter;
use crate::models::{Asked, Endpoint, Form, Tiers, Unreadable};
use crate::ports::ledger::{Account, Ledger, NewCall};
use crate::ports::providers::{ProviderError, Providers, ToProvider};
use crate::ports::store::StoreError;

use self::call::Call;
use self::places::Places;
pub use self::places::{CALLS_MAX, FREE_CALLS_MAX, Place};

/// Attempts whose caps are known: a few hundred bytes each.
const CAPS_KEPT_MAX: usize = 1_000;

/// What may be called, for how much, and for how long.
#[derive(Debug, Clone)]
pub struct Terms {
    /// What models cost.
    pub prices: PriceList,
    /// What an operator lets be spent.
    pub caps: Caps,
    /// Models that may be called.
    pub models: NameFilter,
    /// What tiers of service they have who answer by OpenAI's interfaces.
    pub tiers: Tiers,
    /// The most tokens that one answer may have.
    pub output_tokens_max: u64,
    /// How long a call may take.
    pub patience: Patience,
    /// Calls at the same time.
    pub calls_max: usize,
    /// Of them those of one attempt.
    pub calls_per_attempt_max: usize,
}

/// How long is waited for a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the head of its answer: what is not streamed is written before it begins.
    pub head: Duration,
    /// For the next piece of it.
    pub idle: Duration,
    /// For the whole of it.
    pub whole: Duration,
    /// For the rest of it when nobody reads it any more.
    pub unread: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let secs = Duration::from_secs;
        // Ten minutes is what the providers' own clients wait for an answer, five for a piece of a
        // stream; an hour writes the longest answer at the slowest rate of any model; and who has
        // left is gone for good after two minutes, so an answer that is longer is not worth its rest.
        Self { head: secs(600), idle: secs(300), whole: secs(3_600), unread: secs(120) }
    }
}

/// After that a reservation is given up: twice as long as any call may take.
const GIVEN_UP_MS: i64 = 2 * 60 * 60 * 1000;

/// Why a call is not made.
#[derive(Debug, Error)]
pub enum ModelError {
    /// There is no such attempt.
    #[error("there is no such attempt")]
    Unknown,
    /// The token is not the attempt's, or not any more.
    #[error("the token is not valid")]
    NotYou,
    /// The attempt is over.
    #[error("the attempt is over")]
    Over,
    /// Nobody set the provider up.
    #[error("{} is not set up on this server; its operator can set SELFHEAL_{}_API_KEY", .0.as_str(), .0.as_str().to_uppercase())]
    NotSetUp(Provider),
    /// As many calls are under way as may be.
    #[error("too many calls are under way; try again soon")]
    Crowded,
    /// The attempt has made as many calls that cost nothing as it may.
    #[error("the attempt has made {FREE_CALLS_MAX} calls that cost nothing, which no agent needs")]
    Idle,
    /// The price list does not name the model.
    #[error("the model {0} has no price in this server's list, so it is not called")]
    Unpriced(ModelName),
    /// The operator does not let it be called.
    #[error("the model {0} may not be called on this server")]
    NotAllowed(ModelName),
    /// The request.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A cap has too little left.
    #[error("a cap has too little left for this call")]
    Refused(Refusal),
    /// The provider gave no answer.
    #[error("the provider gave no answer")]
    Provider(#[source] ProviderError),
    /// Something that passes.
    #[error("this cannot be answered now")]
    Later(#[source] ServiceError),
}

impl From<StoreError> for ModelError {
    fn from(error: StoreError) -> Self {
        Self::Later(error.into())
    }
}

/// An answer that is passed on.
#[derive(Debug)]
pub struct Passed {
    /// The provider's status.
    pub status: StatusCode,
    /// All headers that it sent.
    pub headers: HeaderMap,
    /// The body, piece by piece as it arrives.
    pub body: mpsc::Receiver<Result<Bytes, ProviderError>>,
    /// The call in the ledger, if it is paid for.
    pub call: Option<CallId>,
    /// What was taken out of the request: the provider's own tools, and fields that nobody knows.
    pub removed: Vec<String>,
}

/// Models, and what calls of them may cost.
pub struct Models {
    ledger: Arc<dyn Ledger>,
    providers: Arc<dyn Providers>,
    terms: Terms,
    places: Arc<Places>,
    /// Caps of attempts, as their repositories lowered them.
    caps: Mutex<HashMap<AttemptId, Caps>>,
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Models").field("providers", &self.providers.open()).finish_non_exhaustive()
    }
}

/// A request to a provider, by somebody who may make it.
#[derive(Debug)]
pub struct Request {
    /// What is asked, by its path.
    pub endpoint: Endpoint,
    /// Headers that go up; no credential.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Its place, which it has had since before its body was read.
    pub place: Place,
}

impl Models {
    /// Models on those terms.
    pub fn new(ledger: Arc<dyn Ledger>, providers: Arc<dyn Providers>, terms: Terms) -> Self {
        let places = Places::new(terms.calls_max, terms.calls_per_attempt_max);
        Self { ledger, providers, terms, places, caps: Mutex::new(HashMap::new()) }
    }

    /// The providers that can be called.
    pub fn providers(&self) -> Vec<Provider> {
        self.providers.open()
    }

    /// How many calls are under way.
    pub fn under_way(&self) -> usize {
        self.places.under_way()
    }

    /// A place for a call of an attempt.
    ///
    /// # Errors
    /// [`ModelError`] when the attempt has as many as it may.
    pub fn place(&self, attempt: AttemptId) -> Result<Place, ModelError> {
        self.places.of(attempt)
    }

    /// What models cost here.
    pub fn prices(&self) -> &PriceList {
        &self.terms.prices
    }

    /// Where calls and what they took are kept.
    pub fn ledger(&self) -> &dyn Ledger {
        self.ledger.as_ref()
    }

    /// How many calls since that time took more than was held for them.
    ///
    /// # Errors
    /// [`StoreError`] when the ledger cannot be read.
    pub async fn overruns(&self, since: Timestamp) -> Result<u64, StoreError> {
        self.ledger.overruns(since).await
    }

    /// Gives up calls that nobody can settle any more, and forgets old ones; how many rows.
    pub(super) async fn forget(
        &self,
        now: Timestamp,
        before: Timestamp,
    ) -> Result<u64, StoreError> {
        let given_up = self.ledger.give_up_calls(now.plus_ms(-GIVEN_UP_MS), now).await?;
        if given_up > 0 {
            tracing::warn!(calls = given_up, "calls were never settled; they stay charged");
        }
        Ok(given_up + self.ledger.forget_calls(before).await?)
    }

    /// The price of a model that may be called.
    fn price(&self, provider: Provider, model: &ModelName) -> Result<&ModelPrice, ModelError> {
        let price = self.terms.prices.price(provider, model);
        let price = price.ok_or_else(|| ModelError::Unpriced(model.clone()))?;
        if self.terms.models.admits(model.as_str()) {
            Ok(price)
        } else {
            Err(ModelError::NotAllowed(model.clone()))
        }
    }

    /// What a call would take at its worst.
    fn wish(&self, asked: &Asked, price: &ModelPrice) -> Wish {
        let tokens = asked.prompt_tokens_max(price.context);
        let (usd, output) = price.worst(tokens, asked.kept);
        let most = price.output_max.min(self.terms.output_tokens_max);
        let output_tokens = asked.output_tokens.map_or(most, |asked| asked.min(most));
        Wish { prompt: Amount { usd, tokens }, output, output_tokens }
    }

    /// The operator's caps, as the repository's policy lowers them. Read once for an attempt: a policy
    /// that changes meanwhile holds for the next one.
    async fn caps(&self, services: &Services, account: &Account) -> Result<Caps, ModelError> {
        if let Some(known) = self.known_caps().get(&account.attempt) {
            return Ok(*known);
        }
        let later = |error| ModelError::Later(ServiceError::Forge(error));
        let forge = services.forge.as_ref();
        let pull = forge.pull(&account.repo, account.number).await.map_err(later)?;
        let read = services.policies.at(forge, &account.repo, &pull.base_sha).await;
        let read = read.map_err(later)?;
        let caps = self.terms.caps.lowered(&read.policy.budget.models);
        let mut known = self.known_caps();
        if known.len() >= CAPS_KEPT_MAX {
            known.clear();
        }
        known.insert(account.attempt, caps);
        Ok(caps)
    }

    fn known_caps(&self) -> std::sync::MutexGuard<'_, HashMap<AttemptId, Caps>> {
        self.caps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose call it is, by the attempt's own token.
///
/// # Errors
/// [`ModelError`] when it is nobody's who may call now.
pub async fn caller(
    services: &Services,
    attempt: AttemptId,
    token: &str,
) -> Result<Account, ModelError> {
    let account = services.models.ledger.account(attempt).await?.ok_or(ModelError::Unknown)?;
    let now = services.clock.now();
    if !is_valid(token, account.token.as_ref(), now) {
        return Err(ModelError::NotYou);
    }
    if account.is_live { Ok(account) } else { Err(ModelError::Over) }
}

/// Makes a call and returns when the head of its answer is there.
///
/// # Errors
/// [`ModelError`] when it is not made, or has no answer.
#[tracing::instrument(
    name = "model",
    skip_all,
    fields(case.id = %account.case, attempt.id = %account.attempt),
    err(level = "info")
)]
pub async fn forward(
    services: &Services,
    account: &Account,
    request: Request,
) -> Result<Passed, ModelError> {
    let models = &services.models;
    let provider = request.endpoint.provider;
    if !models.providers.open().contains(&provider) {
        return Err(ModelError::NotSetUp(provider));
    }
    let Request { endpoint, headers, body, mut place } = request;
    place.enter()?;
    if !endpoint.is_paid() {
        place.is_free();
    }
    let (prepared, removed) = prepared(services, account, &endpoint, &body).await?;
    drop(body); // its room is for others while the provider thinks
    let (head, headed) = oneshot::channel();
    let call = Call {
        services: services.clone(),
        form: endpoint.form,
        new: prepared.new,
        patience: models.terms.patience,
        place,
    };
    let id = call.new.as_ref().map(|(new, _)| new.id);
    let to_provider = ToProvider {
        provider,
        method: if endpoint.form == Form::List { Method::GET } else { Method::POST },
        path: endpoint.path,
        headers,
        body: Bytes::new(),
    };
    let asked = prepared.asked;
    tokio::spawn(async move { call.run(to_provider, asked, head).await });
    let (status, headers, body) = headed.await.map_err(|_| ModelError::Crowded)??;
    Ok(Passed { status, headers, body, call: id, removed })
}

/// What a request's call needs, before anything is reserved.
struct Prepared {
    /// What is reserved, if it is paid for, and what the model costs.
    new: Option<(NewCall, ModelPrice)>,
    /// What is sent.
    asked: Sending,
}

/// What is sent to a provider.
#[derive(Debug)]
enum Sending {
    /// As it came.
    Unchanged(Bytes),
    /// With no more output than will be granted.
    Within(Box<Asked>),
}

async fn prepared(
    services: &Services,
    account: &Account,
    endpoint: &Endpoint,
    body: &Bytes,
) -> Result<(Prepared, Vec<String>), ModelError> {
    let models = &services.models;
    if endpoint.form == Form::List {
        let asked = Sending::Unchanged(Bytes::new());
        return Ok((Prepared { new: None, asked }, Vec::new()));
    }
    let mut asked = Asked::read(endpoint, body)?;
    let price = *models.price(endpoint.provider, &asked.model)?;
    let removed = std::mem::take(&mut asked.removed);
    if !endpoint.is_paid() {
        let asked = Sending::Unchanged(asked.body());
        return Ok((Prepared { new: None, asked }, removed));
    }
    let new = NewCall {
        id: CallId::new(services.ids.uuid()),
        attempt: account.attempt,
        provider: endpoint.provider,
        model: asked.model.clone(),
        prices: models.terms.prices.version.clone(),
        wish: models.wish(&asked, &price),
        caps: models.caps(services, account).await?,
        now: services.clock.now(),
    };
    let asked = Sending::Within(Box::new(asked));
    Ok((Prepared { new: Some((new, price)), asked }, removed))
}
