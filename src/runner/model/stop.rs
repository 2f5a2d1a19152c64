//! When an agent is to ask no more: the gateway has refused it for good.
//!
//! Some agents stop at a refusal by themselves, others ask again for as long as they are let. Who has
//! been refused for good is answered with the same refusal, here, without asking the server again,
//! until the runner has ended it.
//!
//! A refusal that is about one request alone (a model that is not allowed, something that cannot be
//! bounded) may have been of an aside: a title, a choice of models. Asides come before the agent's own
//! first call, beside it, and are asked again like any other, so that a few refusals in a row tell nothing
//! of its work. What tells of it is the same question again and again to the very model that the agent was
//! told to use. Everything else is bounded by a number that no agent's asides come near.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::Value;

use super::Call;
use crate::domain::model::REFUSED_FOR_GOOD;

/// Refusals of one question to the agent's own model, with no answer to any other between them, after
/// which nothing is expected any more.
const REPEATS_MAX: usize = 3;

/// The same for whatever questions: every aside that was seen, three times over.
const REFUSALS_MAX: usize = 12;

/// What has been refused since the last answer, and the refusal that is for good.
#[derive(Debug, Default)]
pub(super) struct Stop {
    /// The model that the agent was told to use, where that is known.
    model: Option<String>,
    in_a_row: Vec<Question>,
    refusal: Option<Refusal>,
}

/// A question to a model, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// Which one.
    digest: u64,
    /// The model, where it says that.
    model: Option<String>,
}

impl Question {
    /// A question to that path.
    pub(super) fn new(path: &str, body: &[u8]) -> Self {
        let mut digest = DefaultHasher::new();
        (path, body).hash(&mut digest);
        let said: Option<Value> = serde_json::from_slice(body).ok();
        let in_body = said.as_ref().and_then(|said| said.get("model")?.as_str());
        // Gemini's is in the path: `…/models/NAME:generateContent`.
        let in_path = || path.rsplit_once("/models/")?.1.split(':').next();
        let model = in_body.or_else(in_path).map(str::to_owned);
        Self { digest: digest.finish(), model }
    }
}

#[derive(Debug)]
struct Refusal {
    call: Call,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Stop {
    /// Nothing yet, of an agent that was told to use that model.
    pub(super) fn of(model: Option<&str>) -> Self {
        Self { model: model.map(str::to_owned), ..Self::default() }
    }

    /// Takes note of an answer that was no success, what it means, and what was asked.
    pub(super) fn hears(
        &mut self,
        call: &Call,
        asked: Question,
        answer: (StatusCode, &HeaderMap, &Bytes),
    ) {
        let Call::Refused { why, .. } = call else { return };
        if self.refusal.is_some() {
            return;
        }
        let is_own = self.model.is_none() || asked.model.is_none() || asked.model == self.model;
        self.in_a_row.push(asked);
        let last = self.in_a_row.last();
        let repeats = self.in_a_row.iter().filter(|it| Some(*it) == last).count();
        let is_enough = is_own && repeats >= REPEATS_MAX || self.in_a_row.len() >= REFUSALS_MAX;
        if REFUSED_FOR_GOOD.contains(&why.as_str()) || is_enough {
            let (status, headers, body) = answer;
            let (headers, body) = (headers.clone(), body.clone());
            self.refusal = Some(Refusal { call: call.clone(), status, headers, body });
        }
    }

    /// Takes note of an answer.
    pub(super) fn hears_an_answer(&mut self) {
        self.in_a_row.clear();
    }

    /// Whether it was refused for good.
    pub(super) const fn is_for_good(&self) -> bool {
        self.refusal.is_some()
    }

    /// What whoever was refused for good is answered, and what that means.
    pub(super) fn answer(&self) -> Option<(Call, Response)> {
        let Refusal { call, status, headers, body } = self.refusal.as_ref()?;
        Some((call.clone(), (*status, headers.clone(), body.clone()).into_response()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question is refused; whether that is for good.
    fn refused(stop: &mut Stop, why: &str, question: Question) -> bool {
        let call = Call::Refused { why: why.to_owned(), words: String::new() };
        let headers = HeaderMap::new();
        stop.hears(&call, question, (StatusCode::TOO_MANY_REQUESTS, &headers, &Bytes::new()));
        stop.is_for_good()
    }

    fn to(model: &str, text: &str) -> Question {
        let body = serde_json::json!({ "model": model, "text": text }).to_string();
        Question::new("anthropic/v1/messages", body.as_bytes())
    }

    #[test]
    fn what_holds_for_every_call_is_for_good_at_once() {
        for why in ["budget", "over", "token", "idle"] {
            assert!(refused(&mut Stop::of(Some("large")), why, to("small", "a title")), "{why}");
        }
    }

    #[test]
    fn one_question_of_the_agents_own_is_refused_for_good_at_the_third_time() {
        for why in ["model", "request", "something new"] {
            for model in [None, Some("large")] {
                let mut stop = Stop::of(model);
                let mut again = || refused(&mut stop, why, to("large", "the task"));
                assert!(!again() && !again(), "{why}");
                stop.hears_an_answer();
                let mut again = || refused(&mut stop, why, to("large", "the task"));
                assert!(!again() && !again(), "{why}");
                assert!(stop.answer().is_none());
                assert!(refused(&mut stop, why, to("large", "the task")), "{why}");
                let (call, answer) = stop.answer().unwrap();
                assert!(matches!(call, Call::Refused { .. }));
                assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
            }
        }
    }

    #[test]
    fn asides_that_are_refused_before_the_agents_own_call_do_not_end_it() {
        // Of a model that nobody allowed, each as often as an agent asks again.
        let mut stop = Stop::of(Some("large"));
        for aside in ["a title", "is it on topic", "which model"] {
            for _ in 0..3 {
                assert!(!refused(&mut stop, "model", to("small", aside)), "{aside}");
            }
        }
        stop.hears_an_answer();
        // Of its own model, none twice.
        for aside in ["a title", "is it on topic", "which model", "count this"] {
            assert!(!refused(&mut stop, "request", to("large", aside)), "{aside}");
        }
    }

    #[test]
    fn refusals_without_any_answer_are_for_good_in_the_end() {
        let mut stop = Stop::of(Some("large"));
        let mut asked =
            (1..=REFUSALS_MAX).map(|n| refused(&mut stop, "model", to("small", &n.to_string())));
        assert_eq!(asked.position(|is_for_good| is_for_good), Some(REFUSALS_MAX - 1));
    }

    #[test]
    fn the_model_of_a_question_stands_in_its_body_or_its_path() {
        let model = |path: &str, body: &str| Question::new(path, body.as_bytes()).model;
        assert_eq!(model("openai/v1/responses", "{\"model\":\"a\"}").as_deref(), Some("a"));
        let path = "gemini/v1beta/models/b:streamGenerateContent";
        assert_eq!(model(path, "{}").as_deref(), Some("b"));
        assert_eq!(model("openai/v1/responses", "no json"), None);
    }

    #[test]
    fn what_passes_is_never_for_good() {
        let mut stop = Stop::default();
        for call in [Call::Trouble(String::new()), Call::Rejected(String::new()), Call::Answered] {
            for _ in 0..2 * REFUSALS_MAX {
                let answer = (StatusCode::BAD_GATEWAY, &HeaderMap::new(), &Bytes::new());
                stop.hears(&call, to("large", "the task"), answer);
            }
        }
        assert!(!stop.is_for_good());
    }
}
