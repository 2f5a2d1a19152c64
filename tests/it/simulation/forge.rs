//! The forge of a history: the ports' calls on the [`Truth`], with a network in between.
//!
//! Every call waits its turn and is then done at once: what the forge does between the reading and
//! the writing of one call is not divided. A call may fail before it was made, and a write may be
//! done and its answer lost. Writes find what is there before they create, as the port promises.

mod history;
mod mending;
mod reader;
mod undo;
mod writer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selfheal::domain::ids::{RunId, Sha, Timestamp};
use selfheal::domain::pull::{Ci, CiRun};
use selfheal::ports::forge::ForgeError;

use super::memory::Turn;
use super::truth::{Progress, Purpose, Truth};

/// The truth as everybody shares it.
pub(crate) type Shared = Arc<Mutex<Truth>>;

/// What the forge forgets to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Careless {
    /// Nothing: it is as it should be.
    Not,
    /// It commits wherever the branch is.
    Heads,
    /// It creates without looking whether it is there.
    Lookups,
    /// It remembers nothing of what it told, and lists no pull request that moved.
    History,
}

/// The forge behind its network.
pub(crate) struct SimForge {
    pub(crate) truth: Shared,
    pub(crate) careless: Careless,
}

/// Whether asking again changes anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Read,
    Write,
}

/// The truth, whoever panicked while he had it.
pub(crate) fn lock(truth: &Shared) -> MutexGuard<'_, Truth> {
    truth.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lost_answer() -> ForgeError {
    ForgeError::Unavailable("502".to_owned())
}

impl SimForge {
    async fn call<T>(
        &self,
        call: Call,
        work: impl FnOnce(&mut Truth) -> Result<T, ForgeError> + Send,
    ) -> Result<T, ForgeError> {
        Turn::default().await;
        let mut truth = lock(&self.truth);
        let rates = truth.rates;
        if truth.down_until > truth.now || truth.dice.happens(rates.forge_fails) {
            return Err(lost_answer());
        }
        if truth.dice.happens(rates.forge_limits) {
            let until = truth.now + truth.dice.within(1_000, 60_000);
            return Err(ForgeError::RateLimited { until: Timestamp::from_millis(until) });
        }
        let answer = work(&mut truth);
        let is_unheard = call == Call::Write && truth.dice.happens(rates.forge_unheard);
        if is_unheard { Err(lost_answer()) } else { answer }
    }

    async fn read<T>(
        &self,
        work: impl FnOnce(&mut Truth) -> Result<T, ForgeError> + Send,
    ) -> Result<T, ForgeError> {
        self.call(Call::Read, work).await
    }

    async fn write<T>(
        &self,
        work: impl FnOnce(&mut Truth) -> Result<T, ForgeError> + Send,
    ) -> Result<T, ForgeError> {
        self.call(Call::Write, work).await
    }
}

/// How CI stands on a commit.
pub(crate) fn ci_of(truth: &Truth, sha: &Sha) -> Ci {
    let Some(run) = truth.ci_run(sha) else { return Ci::Nothing };
    match run.progress {
        Progress::Queued => Ci::Pending { red: Vec::new() },
        Progress::Green => Ci::Green,
        Progress::Red => {
            let (name, attempt) = ("ci".to_owned(), run.attempt);
            Ci::Red(vec![CiRun::Workflow { run: run.id, attempt, name }])
        }
    }
}

/// A run of ours ends, whatever it has done.
pub(crate) fn end_run(truth: &mut Truth, id: RunId) {
    let Some(run) = truth.run_mut(id) else { return };
    if run.progress == Progress::Queued && run.purpose != Purpose::Ci {
        run.progress = Progress::Green;
        truth.ci_moved(id);
    }
}
