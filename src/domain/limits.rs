//! Limits of the whole server, set by its operator. A repository's own limits are in its policy.
//!
//! Each is there so that one who asks for much cannot take everything from those who ask for little.
//! At a limit work waits and says so; nothing is refused for good.

/// Limits of the whole server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Deliveries that may wait to be read. Beyond it senders are told to come again, and what they
    /// could not leave is found in the forge's log: better late than a full disk.
    pub deliveries_waiting: u64,
    /// Attempts at work at the same time.
    pub attempts: u32,
    /// Attempts at work at the same time for one installation.
    pub installation_attempts: u32,
    /// Cases open at the same time in one repository.
    pub repository_cases: u32,
}

/// A day's webhooks of an organisation of ten thousand; at ten kilobytes each, half a gigabyte.
pub const DELIVERIES_WAITING: u64 = 50_000;

/// Each has a runner that is heard of every half minute: this is what one small machine hears easily.
pub const ATTEMPTS: u32 = 200;

/// A quarter of all: four installations at their limit leave nothing for a fifth, three do.
pub const INSTALLATION_ATTEMPTS: u32 = 50;

/// More red pull requests in one repository at once have one cause, and a person must find it.
pub const REPOSITORY_CASES: u32 = 200;

impl Default for Limits {
    fn default() -> Self {
        Self {
            deliveries_waiting: DELIVERIES_WAITING,
            attempts: ATTEMPTS,
            installation_attempts: INSTALLATION_ATTEMPTS,
            repository_cases: REPOSITORY_CASES,
        }
    }
}
