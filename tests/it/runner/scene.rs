//! What every test of the runner needs: a scratch directory, a sandbox, repositories.

use std::path::Path;

use selfheal::domain::brief::RunLimits;
use selfheal::runner::sandbox::{Isolation, Sandbox};

/// Limits that a test never waits long for.
pub fn limits() -> RunLimits {
    RunLimits {
        attempt_secs: 300,
        command_secs: 120,
        memory_bytes: 2 * 1024 * 1024 * 1024,
        processes_max: 256,
        output_bytes: 4 * 1024 * 1024,
    }
}

/// A sandbox of the strong kind.
pub async fn sandbox(scratch: &Path) -> Sandbox {
    Sandbox::probe(Isolation::Bubblewrap, scratch).await.unwrap()
}
