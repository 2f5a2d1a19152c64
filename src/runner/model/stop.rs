//! When an agent is to ask no more: the gateway has refused it for good, or nothing comes of its calls.
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
//!
//! A provider that is down is waited for by the attempt, not by the agent: one that asks on and on, because
//! nobody told it when to give up, is ended as well, and its attempt goes on where it was.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

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

/// How often and for how long a provider may fail without an answer between, until the agent is not let
/// try again: more than agents do that give up by themselves.
const FAILURES_MAX: u32 = 4;
const FAILING_MAX: Duration = Duration::from_secs(20);

/// What has been refused since the last answer, and the refusal that is for good.
#[derive(Debug, Default)]
pub(super) struct Stop {
    /// The model that the agent was told to use, where that is known.
    model: Option<String>,
    in_a_row: Vec<Question>,
    /// How often the provider failed since the last answer, and since when.
    failures: u32,
    failing_since: Option<Instant>,
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
            self.is_the_last(call, answer);
        }
    }

    /// Takes note of a call that its provider failed, and of what its caller was answered.
    pub(super) fn fails(
        &mut self,
        call: &Call,
        answer: (StatusCode, &HeaderMap, &Bytes),
        now: Instant,
    ) {
        self.failures = self.failures.saturating_add(1);
        let since = *self.failing_since.get_or_insert(now);
        let is_long = now.duration_since(since) >= FAILING_MAX;
        if self.refusal.is_none() && self.failures >= FAILURES_MAX && is_long {
            self.is_the_last(call, answer);
        }
    }

    fn is_the_last(
        &mut self,
        call: &Call,
        (status, headers, body): (StatusCode, &HeaderMap, &Bytes),
    ) {
        let (headers, body) = (headers.clone(), body.clone());
        self.refusal = Some(Refusal { call: call.clone(), status, headers, body });
    }

    /// Takes note of an answer that came to its end.
    pub(super) fn hears_an_answer(&mut self) {
        (self.failures, self.failing_since) = (0, None);
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

    /// A provider fails at these seconds; at which of them the agent is let try no more.
    #[track_caller]
    fn fails_at(seconds: &[u64], expected: Option<u64>) {
        let (mut stop, began) = (Stop::of(None), Instant::now());
        let call = Call::Trouble("503".to_owned());
        let ended = seconds.iter().copied().find(|second| {
            let answer = (StatusCode::SERVICE_UNAVAILABLE, &HeaderMap::new(), &Bytes::new());
            stop.fails(&call, answer, began + Duration::from_secs(*second));
            stop.is_for_good()
        });
        assert_eq!(ended, expected, "{seconds:?}");
        let said = stop.answer().map(|(call, _)| call);
        assert_eq!(said, expected.map(|_| call));
    }

    #[test]
    fn a_provider_that_fails_again_and_again_is_not_asked_for_ever() {
        fails_at(&[0, 2, 6, 14, 30, 60], Some(30));
        fails_at(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], None);
        fails_at(&[0, 30, 60], None);
        fails_at(&[0, 30, 60, 90], Some(90));
    }

    #[test]
    fn an_answer_ends_what_failed_before_it() {
        let (mut stop, began) = (Stop::of(None), Instant::now());
        let answer = (StatusCode::SERVICE_UNAVAILABLE, &HeaderMap::new(), &Bytes::new());
        for minute in 0..20 {
            stop.fails(&Call::Trouble(String::new()), answer, began + Duration::from_mins(minute));
            if minute % 3 == 2 {
                stop.hears_an_answer();
            }
        }
        assert!(!stop.is_for_good());
    }
}
