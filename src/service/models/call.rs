//! One call, from its reservation to its settlement, in a task that nobody can cancel.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, StatusCode, header};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::{ModelError, Patience, Place, Sending};
use crate::domain::chain::Chain;
use crate::domain::ids::CallId;
use crate::domain::model::{CacheFor, ModelPrice};
use crate::models::{Form, Heard, Meter};
use crate::ports::ledger::{Bill, NewCall, Reserved, Settled};
use crate::ports::providers::{FromProvider, ProviderError, ToProvider};
use crate::service::Services;

/// Pieces of an answer that wait for a slow reader; beyond it the provider waits.
const PIECES_WAITING_MAX: usize = 4;

/// How often a settlement is tried while the store is not available. After that the reservation stays.
const SETTLE_TRIES_MAX: u32 = 6;

/// The first pause between two tries; each later one is twice as long.
const SETTLE_PAUSE: Duration = Duration::from_millis(250);

/// The head of an answer, and where its body comes from.
type Head = (StatusCode, HeaderMap, mpsc::Receiver<Result<Bytes, ProviderError>>);

/// A call that shall be made.
pub(super) struct Call {
    pub(super) services: Services,
    pub(super) form: Form,
    /// What is reserved, if the call is paid for, and what its model costs.
    pub(super) new: Option<(NewCall, ModelPrice)>,
    pub(super) patience: Patience,
    /// Its place among the calls that are under way.
    pub(super) place: Place,
}

/// How far a call's account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// It is to be settled.
    Yes,
    /// It is settled, or costs nothing.
    No,
}

impl Call {
    /// Reserves, sends, passes on and settles.
    pub(super) async fn run(
        self,
        mut request: ToProvider,
        sending: Sending,
        head: oneshot::Sender<Result<Head, ModelError>>,
    ) {
        let kept = match &sending {
            Sending::Within(asked) => asked.kept,
            Sending::Unchanged(_) => CacheFor::Minutes,
        };
        request.body = match self.reserved(sending).await {
            Ok(body) => body,
            Err(error) => {
                let _ = head.send(Err(error)); // who asked may be gone; nothing was reserved
                return;
            }
        };
        if head.is_closed() {
            self.settle(Bill::Nothing).await;
            return;
        }
        let sent = timeout(self.patience.head, self.services.models.providers.send(request)).await;
        match sent.unwrap_or(Err(ProviderError::Silent)) {
            Ok(answer) => self.pass(answer, kept, head).await,
            Err(error) => {
                self.settle(match &error {
                    ProviderError::NotSetUp(_) | ProviderError::Unreachable(_) => Bill::Nothing,
                    ProviderError::Silent | ProviderError::Broken(_) => Bill::Unknown,
                })
                .await;
                let _ = head.send(Err(ModelError::Provider(error))); // who asked may be gone
            }
        }
    }

    /// What is sent, once it is reserved.
    async fn reserved(&self, sending: Sending) -> Result<Bytes, ModelError> {
        let tiers = self.services.models.terms.tiers;
        let (new, asked) = match (&self.new, sending) {
            (Some((new, _)), Sending::Within(asked)) => (new, asked),
            (_, Sending::Within(asked)) => return Ok(asked.within(0, tiers)?),
            (_, Sending::Unchanged(body)) => return Ok(body),
        };
        let grant = match self.services.models.ledger.reserve(new.clone()).await? {
            Reserved::Yes(grant) => grant,
            Reserved::No(refusal) => return Err(ModelError::Refused(refusal)),
            Reserved::AttemptOver => return Err(ModelError::Over),
        };
        match asked.within(grant.output_tokens, tiers) {
            Ok(body) => Ok(body),
            Err(error) => {
                self.settle(Bill::Nothing).await;
                Err(error.into())
            }
        }
    }

    /// Passes an answer on as it comes, and settles the call before its last piece.
    async fn pass(
        self,
        answer: FromProvider,
        kept: CacheFor,
        head: oneshot::Sender<Result<Head, ModelError>>,
    ) {
        let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let meter = Meter::new(kept, kind.unwrap_or_default());
        let (pieces, body) = mpsc::channel(PIECES_WAITING_MAX);
        let mut open = if self.new.is_some() { Open::Yes } else { Open::No };
        if !answer.status.is_success() && open == Open::Yes {
            // No provider takes money for an error that it says at once.
            open = self.settle(Bill::Nothing).await;
            if is_wrong(answer.status) {
                self.place.is_free();
            }
        }
        let reader = head.send(Ok((answer.status, answer.headers, body))).ok().map(|()| pieces);
        let mut passing = Passing { call: &self, meter, open, reader, unread_since: None };
        let last = passing.pieces(answer.body).await;
        passing.end(last).await;
        drop(self.place);
    }

    /// Settles the call, unless the store is not available.
    async fn settle(&self, bill: Bill) -> Open {
        let Some((new, _)) = &self.new else { return Open::No };
        let services = &self.services;
        match services.models.ledger.settle(new.id, bill, services.clock.now()).await {
            Ok(Settled::Now | Settled::Before) => Open::No,
            Ok(Settled::Above) => {
                tracing::error!(
                    call.id = %new.id,
                    provider = new.provider.as_str(),
                    model = %new.model,
                    "a call took more than was held for it, so a cap may be passed"
                );
                Open::No
            }
            Err(error) => {
                let error = Chain(&error);
                tracing::warn!(%error, call.id = %new.id, "a call could not be settled");
                Open::Yes
            }
        }
    }

    /// Settles the call, however long that takes within reason.
    async fn settle_patiently(&self, bill: Bill) {
        let mut pause = SETTLE_PAUSE;
        for _ in 0..SETTLE_TRIES_MAX {
            if self.settle(bill).await == Open::No {
                return;
            }
            sleep(pause).await;
            pause *= 2;
        }
        let id: Option<CallId> = self.new.as_ref().map(|(new, _)| new.id);
        tracing::error!(call.id = ?id, "a call stays charged with all that was reserved for it");
    }

    fn bill(&self, tokens: Option<crate::domain::model::Tokens>) -> Bill {
        match (&self.new, tokens) {
            (Some((_, price)), Some(tokens)) => Bill::Figure(tokens, price.cost(&tokens)),
            (Some(_) | None, _) => Bill::Unknown,
        }
    }
}

/// Whether a provider's status says that the request was wrong, and nothing else.
fn is_wrong(status: StatusCode) -> bool {
    let is_another = matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
    );
    status.is_client_error() && !is_another
}

/// An answer on its way.
struct Passing<'a> {
    call: &'a Call,
    meter: Meter,
    open: Open,
    /// Who reads it; `None` when nobody does any more.
    reader: Option<mpsc::Sender<Result<Bytes, ProviderError>>>,
    unread_since: Option<Instant>,
}

/// What is left to say when an answer is over.
struct Last {
    /// The piece that was held back until the call is settled.
    piece: Option<Bytes>,
    /// Why there is no more, when it is not because the answer is whole.
    error: Option<ProviderError>,
}

impl Passing<'_> {
    /// Passes all pieces on but what must wait for the settlement.
    async fn pieces(
        &mut self,
        mut body: futures_util::stream::BoxStream<'static, Result<Bytes, ProviderError>>,
    ) -> Last {
        let (patience, began) = (self.call.patience, Instant::now());
        let mut last = Last { piece: None, error: None };
        loop {
            let left = match self.unread_since {
                Some(since) => patience.unread.saturating_sub(since.elapsed()),
                None => patience.whole.saturating_sub(began.elapsed()),
            };
            let piece = match timeout(patience.idle.min(left), body.next()).await {
                Ok(Some(Ok(piece))) => piece,
                Ok(Some(Err(error))) => {
                    last.error = Some(error);
                    return last;
                }
                Ok(None) => return last,
                Err(_) => {
                    last.error = Some(ProviderError::Silent);
                    return last;
                }
            };
            if self.open == Open::No || self.meter.is_stream() {
                if self.heard(&piece) == Heard::End && self.open == Open::Yes {
                    let bill = self.call.bill(self.meter.known(self.call.form));
                    self.open = self.call.settle(bill).await;
                }
                self.say(Ok(piece)).await;
            } else {
                // Which piece of an answer in one piece is the last, its end alone tells.
                self.heard(&piece);
                if let Some(before) = last.piece.replace(piece) {
                    self.say(Ok(before)).await;
                }
            }
        }
    }

    fn heard(&mut self, piece: &Bytes) -> Heard {
        if self.open == Open::No { Heard::More } else { self.meter.feed(piece, self.call.form) }
    }

    async fn say(&mut self, piece: Result<Bytes, ProviderError>) {
        let Some(reader) = &self.reader else { return };
        if reader.send(piece).await.is_err() {
            self.reader = None;
            self.unread_since = Some(Instant::now());
        }
    }

    /// Settles what is not settled, then says the last word.
    async fn end(mut self, last: Last) {
        if self.open == Open::Yes {
            let form = self.call.form;
            let meter = std::mem::replace(&mut self.meter, Meter::new(CacheFor::Minutes, ""));
            let tokens = if last.error.is_some() { meter.known(form) } else { meter.end(form) };
            let bill = self.call.bill(tokens);
            if bill == Bill::Unknown {
                let id = self.call.new.as_ref().map(|(new, _)| new.id);
                tracing::warn!(call.id = ?id, "an answer has no figure; the call stays charged");
            }
            self.call.settle_patiently(bill).await;
        }
        if let Some(piece) = last.piece {
            self.say(Ok(piece)).await;
        }
        if let Some(error) = last.error {
            self.say(Err(error)).await;
        }
    }
}
