//! Long work beside the runtime's own threads.
//!
//! Reading a log of 16 MiB keeps a core busy for a good part of a second, and redacting one, too;
//! done where requests are answered, it would hold them up. Bounded by its callers: a worker waits
//! for what it hands over, so no more is under way than there are workers.

use std::panic::resume_unwind;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

/// Work on fewer bytes is done where it is: it takes a fifth of a millisecond, and handing it over and
/// back costs two changes of threads.
const HELD_UP_BYTES_MAX: usize = 64 * 1024;

/// Does work on so many bytes, beside the runtime's threads where they are many.
pub(super) async fn beside_if_long<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes <= HELD_UP_BYTES_MAX { work() } else { beside(work).await }
}

/// Does the work and waits for it; a panic in it is the caller's.
pub(super) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    if Handle::try_current().is_err() {
        return work(); // without a runtime nobody is held up
    }
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is at its end, and so is whoever waits here.
            Err(_) => std::future::pending().await,
        },
    }
}
