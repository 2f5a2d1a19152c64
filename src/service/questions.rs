//! Questions of an attempt, and answers that come by the API.
//!
//! An answer is recorded as a delivery of our own, so it is as durable as a webhook, comes back when
//! reading it fails, and takes the road that comments take: it becomes an ask of the pull request and
//! is decided about under its lease. That the attempt waits is looked at here only to say no early; an
//! answer that comes too late is refused there.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ServiceError, Services};
use crate::domain::ask::{Ask, AskKind};
use crate::domain::case::CaseState;
use crate::domain::feedback::{ANSWER_CHARS_MAX, answer_to, answers_in};
use crate::domain::ids::{AttemptId, DeliveryId, Login, PrNumber, RepoId, Timestamp, UserId};
use crate::domain::outcome::Outcome;
use crate::domain::pull::Actor;
use crate::ports::store::{Changes, Finish, NewDelivery, PendingDelivery, RunnerView, StoreError};

/// The name of a delivery that is an answer; no forge's event has a dot in it.
pub(super) const ANSWER_EVENT: &str = "selfheal.answer";

/// What an attempt asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Questions {
    /// The attempt.
    pub attempt: String,
    /// Whether it waits for an answer now.
    pub waits: bool,
    /// What it asked last, in the order of the numbers; none when it never asked.
    pub questions: Vec<Question>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Its number, counted from 1.
    pub number: usize,
    /// The question: an agent's words.
    pub question: String,
    /// The answer, if there is one.
    pub answer: Option<String>,
    /// The login of who answered.
    pub by: Option<String>,
}

/// Why an answer is not taken.
#[derive(Debug, Error)]
pub enum NotAsked {
    /// There is no such attempt.
    #[error("there is no such attempt")]
    Unknown,
    /// It does not wait.
    #[error("this attempt waits for no answer")]
    NotWaiting,
    /// It answers nothing, and why.
    #[error("{0}")]
    Wrong(String),
    /// Ask again.
    #[error("the answer could not be recorded")]
    Later(#[from] ServiceError),
}

impl From<StoreError> for NotAsked {
    fn from(error: StoreError) -> Self {
        Self::Later(error.into())
    }
}

/// An answer as it is recorded.
#[derive(Debug, Serialize, Deserialize)]
struct Recorded {
    repo: u64,
    number: u64,
    by: String,
    answer: String,
}

/// What an attempt asks, if there is such an attempt.
///
/// # Errors
/// [`ServiceError`] when the store is not available.
pub async fn questions(
    services: &Services,
    attempt: AttemptId,
) -> Result<Option<Questions>, ServiceError> {
    Ok(services.store.runner_view(attempt).await?.as_ref().map(asked))
}

fn asked(view: &RunnerView) -> Questions {
    let attempt = &view.record.attempt;
    let mut asked = Vec::new();
    if let Some(Outcome::Asks { questions, time, .. }) = &view.record.report.outcome {
        for (number, question) in (1..).zip(questions) {
            let exchange = answer_to(number, *time, &attempt.feedback);
            asked.push(Question {
                number,
                question: question.clone(),
                answer: exchange.map(|exchange| exchange.answer.clone()),
                by: exchange.map(|exchange| exchange.by.to_string()),
            });
        }
    }
    let waits = view.case.state == CaseState::AwaitingAnswer(attempt.id);
    Questions { attempt: attempt.id.to_string(), waits, questions: asked }
}

/// Records an answer.
///
/// # Errors
/// [`NotAsked`], when nothing was recorded.
pub async fn answer(
    services: &Services,
    attempt: AttemptId,
    by: Login,
    answer: String,
) -> Result<(), NotAsked> {
    let view = services.store.runner_view(attempt).await?.ok_or(NotAsked::Unknown)?;
    let asked = asked(&view);
    if !asked.waits {
        return Err(NotAsked::NotWaiting);
    }
    if answer.chars().count() > ANSWER_CHARS_MAX {
        return Err(NotAsked::Wrong(format!("it has more than {ANSWER_CHARS_MAX} characters")));
    }
    answers_in(&answer, asked.questions.len()).map_err(NotAsked::Wrong)?;
    let (repo, number) = (view.case.repo.id, view.case.number);
    let recorded = Recorded { repo: repo.get(), number: number.get(), by: by.to_string(), answer };
    let body = serde_json::to_vec(&recorded).map_err(|error| NotAsked::Wrong(error.to_string()))?;
    let id = DeliveryId::parse(&format!("answer-{}", services.ids.uuid()));
    let delivery = NewDelivery {
        id: id.expect("invariant: a UUID is fit for an id"),
        event: ANSWER_EVENT.to_owned(),
        repo: Some(repo),
        body: body.into(),
        received_at: services.clock.now(),
    };
    services.store.insert_delivery(delivery).await?;
    services.wake.notify_one();
    Ok(())
}

/// Reads what was recorded.
pub(super) fn read(pending: &PendingDelivery, now: Timestamp) -> Changes {
    match ask(pending) {
        Ok((repo, number, ask)) => {
            let mut changes = Changes::finish(now, Finish::Done);
            changes.wake.push((repo, number, now));
            changes.asks.push((repo, number, ask));
            changes
        }
        Err(error) => Changes::finish(now, Finish::Park { error }),
    }
}

fn ask(pending: &PendingDelivery) -> Result<(RepoId, PrNumber, Ask), String> {
    let delivery = &pending.delivery;
    let recorded: Recorded =
        serde_json::from_slice(&delivery.body).map_err(|error| error.to_string())?;
    let login = Login::parse(&recorded.by).map_err(|error| error.to_string())?;
    let ask = Ask {
        key: format!("api:{}", delivery.id),
        kind: AskKind::Answer,
        text: recorded.answer,
        // The forge counts accounts from one: this one was named by its login.
        actor: Actor { id: UserId::new(0), login, is_bot: false },
        comment: None,
        at: delivery.received_at,
    };
    Ok((RepoId::new(recorded.repo), PrNumber::new(recorded.number), ask))
}
