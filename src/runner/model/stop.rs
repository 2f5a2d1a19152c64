//! When an agent is to ask no more: the gateway has refused it for good.
//!
//! Some agents stop at a refusal by themselves, others ask again for as long as they are let. Who has
//! been refused for good is answered with the same refusal, here, without asking the server again,
//! until the runner has ended it. A refusal that is about one request alone (a model that is not allowed,
//! something that cannot be bounded) may have been of an aside, and the agent goes on; several in a row
//! are of its work.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;

use super::Call;
use crate::domain::model::REFUSED_FOR_GOOD;

/// Refusals of single requests with no answer between them, after which nothing is expected any more.
const REFUSALS_MAX: u32 = 3;

/// What has been refused so far, and the refusal that is for good.
#[derive(Debug, Default)]
pub(super) struct Stop {
    in_a_row: u32,
    refusal: Option<Refusal>,
}

#[derive(Debug)]
struct Refusal {
    call: Call,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Stop {
    /// Takes note of an answer that was no success, and of what it means.
    pub(super) fn hears(&mut self, call: &Call, answer: (StatusCode, &HeaderMap, &Bytes)) {
        let Call::Refused { why, .. } = call else { return };
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.refusal.is_none()
            && (REFUSED_FOR_GOOD.contains(&why.as_str()) || self.in_a_row >= REFUSALS_MAX)
        {
            let (status, headers, body) = answer;
            let (headers, body) = (headers.clone(), body.clone());
            self.refusal = Some(Refusal { call: call.clone(), status, headers, body });
        }
    }

    /// Takes note of an answer.
    pub(super) fn hears_an_answer(&mut self) {
        self.in_a_row = 0;
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

    fn refused(stop: &mut Stop, why: &str) -> bool {
        let call = Call::Refused { why: why.to_owned(), words: String::new() };
        let headers = HeaderMap::new();
        stop.hears(&call, (StatusCode::TOO_MANY_REQUESTS, &headers, &Bytes::new()));
        stop.is_for_good()
    }

    #[test]
    fn what_holds_for_every_call_is_for_good_at_once() {
        for why in ["budget", "over", "token", "idle"] {
            assert!(refused(&mut Stop::default(), why), "{why}");
        }
    }

    #[test]
    fn what_is_about_one_request_is_for_good_when_nothing_else_comes() {
        for why in ["model", "request", "something new"] {
            let mut stop = Stop::default();
            assert!(!refused(&mut stop, why) && !refused(&mut stop, why), "{why}");
            stop.hears_an_answer();
            assert!(!refused(&mut stop, why) && !refused(&mut stop, why), "{why}");
            assert!(stop.answer().is_none());
            assert!(refused(&mut stop, why), "{why}");
            let (call, answer) = stop.answer().unwrap();
            assert!(matches!(call, Call::Refused { .. }));
            assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        }
    }

    #[test]
    fn what_passes_is_never_for_good() {
        let mut stop = Stop::default();
        for call in [Call::Trouble(String::new()), Call::Rejected(String::new()), Call::Answered] {
            for _ in 0..10 {
                stop.hears(&call, (StatusCode::BAD_GATEWAY, &HeaderMap::new(), &Bytes::new()));
            }
        }
        assert!(!stop.is_for_good());
    }
}
