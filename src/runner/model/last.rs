//! How the last call of an agent went, as far as that is known.

use std::time::Instant;

use super::Call;

/// From when on a call that nobody saw the end of is a model that fell silent: the slowest have begun to
/// answer by then, and send signs of life while they do.
const STALLED_SECS_MIN: u64 = 30;

/// How the last call went, as far as that is known.
#[derive(Debug, Default)]
pub(super) struct Last {
    /// What came of the last that came to an end.
    pub(super) call: Option<Call>,
    /// When one that has not was begun, or last heard of.
    pub(super) heard: Option<Instant>,
}

impl Last {
    /// What a call came to that is not waited for any longer.
    pub(super) fn left(&mut self, now: Instant) {
        let Some(heard) = self.heard.take() else { return };
        let silence = now.duration_since(heard).as_secs();
        if silence >= STALLED_SECS_MIN {
            let words = format!("the model had said nothing for {silence} seconds");
            self.call = Some(Call::Trouble(words));
        } else if self.call.is_none() {
            self.call = Some(Call::Answered);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(call: Option<Call>, silence_secs: u64, expected: &Call) {
        let heard = Instant::now();
        let mut last = Last { call, heard: Some(heard) };
        last.left(heard + Duration::from_secs(silence_secs));
        assert_eq!((last.call.as_ref(), last.heard), (Some(expected), None));
    }

    #[test]
    fn a_call_without_an_end_is_a_models_silence_or_its_callers_leave() {
        let silent = Call::Trouble("the model had said nothing for 30 seconds".to_owned());
        check(None, 30, &silent);
        check(Some(Call::Answered), 30, &silent);
        check(None, 29, &Call::Answered);
        check(Some(Call::Answered), 29, &Call::Answered);
        // Who asks again after a fault has not had an answer yet.
        let busy = Call::Trouble("429".to_owned());
        check(Some(busy.clone()), 1, &busy);
    }
}
