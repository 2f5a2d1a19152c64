//! What a runner was given, and what it tells its fixers: written down for receipts.

use super::{RunnerError, is_over, seat};
use crate::domain::brief::{Brief, Instruction};
use crate::domain::inputs::{Given, Prompt};
use crate::ports::store::{RunnerView, StoreError};
use crate::service::Services;
use crate::service::policies::PolicyRead;

/// Keeps what a brief was made of.
pub(super) async fn keep_given(
    services: &Services,
    brief: &Brief,
    policy: &PolicyRead,
) -> Result<(), StoreError> {
    let given = Given {
        release: env!("CARGO_PKG_VERSION").to_owned(),
        base: brief.base.clone(),
        base_sha: brief.base_sha.clone(),
        fork: brief.fork.clone(),
        policy: policy.source(&brief.base_sha),
        prices: services.models.prices().source(),
    };
    services.inputs.keep_given(brief.attempt, &given, services.clock.now()).await
}

/// Keeps what a fixer is told, before it is.
///
/// # Errors
/// [`RunnerError::Bad`] when it breaks a limit.
#[tracing::instrument(
    name = "runner",
    skip_all,
    fields(case.id = %view.case.id, attempt.id = %view.record.attempt.id),
    err(level = "warn")
)]
pub async fn prompt(
    services: &Services,
    view: &RunnerView,
    prompt: &Prompt,
) -> Result<Instruction, RunnerError> {
    if is_over(view) {
        return Ok(Instruction::Stop);
    }
    if let Some(fault) = prompt.fault() {
        return Err(RunnerError::Bad(fault.to_owned()));
    }
    services.inputs.keep_prompt(&seat(view)?, prompt, services.clock.now()).await?;
    Ok(Instruction::Continue)
}
