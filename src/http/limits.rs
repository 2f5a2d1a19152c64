//! Limits of the doors: what one request may be and take, and how much of all of them is held.
//!
//! Nobody who knocks is known before the whole body is there, so these hold for everybody. They
//! are constants and no settings: each follows from what GitHub and our own runners do.

use std::time::Duration;

use crate::service::live::READERS_MAX;

/// GitHub sends at most 25 MB and never a larger event; one more for the envelope's headroom.
pub const WEBHOOK_BYTES_MAX: usize = 26 * 1024 * 1024;

/// A patch of the largest size in base64, with documents of the largest size.
pub const RUNNER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A runner's identity: a signed token of some two kilobytes. Whoever sends it is not known yet.
pub const ADMISSION_BYTES_MAX: usize = 64 * 1024;

/// An answer by the API: text of [`crate::domain::feedback::ANSWER_CHARS_MAX`] characters, each of at
/// most four bytes or an escape of twelve.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Anthropic takes 32 MB, the others less.
pub const MODEL_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Requests to models that are held at the same time, from their first byte until they are sent on:
/// two of the largest size, or hundreds of the usual one. They have a room of their own, because whoever
/// sends them is known before.
const MODEL_ROOM_BYTES: usize = 64 * 1024 * 1024;

/// The same for prompts of the usual size, some forty at once, and as many of the largest ordinary
/// ones as one attempt may have under way. Each is here for as long as its way to the
/// provider takes; what more of them took at once would stay with the allocator.
const MODEL_ORDINARY_ROOM_BYTES: usize = 4 * 1024 * 1024;

/// Request line and headers: GitHub's have one kilobyte, a runner's three; proxies add their own. As
/// much as Node takes. It is also what a connection reads at a time and keeps as long as it is open, so
/// a stream whose question was long costs that much.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Most webhooks have 10 to 100 KB. Larger bodies have a room of their own, so that whoever sends
/// them holds up nobody else.
pub(super) const ORDINARY_BYTES_MAX: usize = 256 * 1024;

/// How long somebody who knocks is waited for, and how much is held at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorLimits {
    /// For request line and headers, from the first byte (of a new connection: from its opening).
    pub head: Duration,
    /// For the body, from its headers.
    pub body: Duration,
    /// For everything that happens between the headers and the answer.
    pub request: Duration,
    /// For any progress in taking an answer.
    pub answer: Duration,
    /// For the next request on a connection.
    pub rest: Duration,
    /// For room among the bodies that are held.
    pub room: Duration,
    /// Connections that are open.
    pub connections: usize,
    /// Bytes of ordinary bodies that are held.
    pub ordinary_bytes: usize,
    /// Bytes of large bodies that are held; the largest must fit.
    pub large_bytes: usize,
}

impl Default for DoorLimits {
    fn default() -> Self {
        Self {
            // GitHub gives up after ten seconds; a slower sender is not GitHub.
            head: Duration::from_secs(10),
            request: Duration::from_secs(10),
            // Before the whole request is given up, so that who is slow is told what was too slow.
            body: Duration::from_secs(9),
            // Answers are small: whoever takes none of it for so long has gone away.
            answer: Duration::from_secs(10),
            // Longer than the proxies before us keep a connection (AWS and nginx a minute, Caddy
            // two): if we closed it first, the request that is just being sent would be lost.
            rest: Duration::from_secs(150),
            // Half of what GitHub waits; then it is better to be told to come again.
            room: Duration::from_secs(5),
            // A connection takes some 20 KB. Those who watch may have half of them, so that they leave
            // enough for webhooks and runners; `app::serving` asks for files for all of them.
            connections: 2 * READERS_MAX,
            // 64 of the largest ordinary size or some thousand of the usual one.
            ordinary_bytes: 16 * 1024 * 1024,
            // One of the largest size, or many of a few megabytes; GitHub sends few of these.
            large_bytes: WEBHOOK_BYTES_MAX,
        }
    }
}

impl DoorLimits {
    /// The limits of requests to models: the same, with their own room.
    pub(super) const fn of_models(self) -> Self {
        Self { ordinary_bytes: MODEL_ORDINARY_ROOM_BYTES, large_bytes: MODEL_ROOM_BYTES, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_slow_is_cut_within_ten_seconds_and_the_largest_body_has_room() {
        let limits = DoorLimits::default();
        let ten = Duration::from_secs(10);
        for slow in [limits.head, limits.body, limits.request, limits.answer, limits.room] {
            assert!(slow <= ten, "{slow:?}");
        }
        assert!(limits.body < limits.request && limits.room < limits.request);
        assert!(limits.large_bytes >= WEBHOOK_BYTES_MAX.max(RUNNER_BYTES_MAX));
        assert!(limits.ordinary_bytes >= ORDINARY_BYTES_MAX);
        assert!(limits.of_models().large_bytes >= MODEL_BYTES_MAX);
        assert!(limits.of_models().ordinary_bytes >= ORDINARY_BYTES_MAX);
    }
}
