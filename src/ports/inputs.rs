//! Inputs of attempts that are kept: what runners were given, what fixers were told.
//!
//! Kept as long as the attempt, because its receipt names them. Nothing is decided by them.

use async_trait::async_trait;

use super::store::{Seat, StoreError};
use crate::domain::ids::{AttemptId, Timestamp};
use crate::domain::inputs::{Given, Prompt};

/// What was given, and when first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAt {
    /// What.
    pub given: Given,
    /// When a runner was first given just that.
    pub at: Timestamp,
}

/// A prompt, by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptAt {
    /// What was told, and whom.
    pub prompt: Prompt,
    /// The SHA-256 of its text.
    pub sha256: String,
    /// When the server heard of it.
    pub at: Timestamp,
}

/// Keeps inputs.
#[async_trait]
pub trait InputStore: Send + Sync {
    /// Keeps what a runner is given; the same once more is kept once. Beyond
    /// [`GIVEN_MAX`](crate::domain::inputs::GIVEN_MAX) nothing more is.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such attempt.
    async fn keep_given(
        &self,
        attempt: AttemptId,
        given: &Given,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Keeps a prompt of the runner that was let in last, while the attempt is at work; the same once
    /// more is kept once. Beyond [`PROMPTS_MAX`](crate::domain::inputs::PROMPTS_MAX) nothing more is.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] from a runner that was replaced.
    async fn keep_prompt(
        &self,
        seat: &Seat,
        prompt: &Prompt,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// What runners of an attempt were given, in that order.
    async fn given(&self, attempt: AttemptId) -> Result<Vec<GivenAt>, StoreError>;

    /// What fixers of an attempt were told, in that order.
    async fn prompts(&self, attempt: AttemptId) -> Result<Vec<PromptAt>, StoreError>;
}
