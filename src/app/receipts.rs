//! Receipts and documents of attempts, for the command line.

use super::database;
use crate::config::server::ServerSettings;
use crate::domain::document::Document;
use crate::domain::ids::AttemptId;
use crate::ports::inputs::{InputStore as _, PromptAt};
use crate::ports::store::Store as _;
use crate::service::receipts::{self, Signed, Signer, Sources};

/// The receipt of an attempt, signed where the App's key is set; if there is such an attempt.
///
/// # Errors
/// When the store cannot be read, or the App's key is none.
pub async fn signed(
    settings: &ServerSettings,
    attempt: AttemptId,
) -> anyhow::Result<Option<Signed>> {
    let store = database::opened(settings).await?;
    let sources = Sources { store: store.as_ref(), inputs: store.as_ref(), ledger: store.as_ref() };
    let Some(receipt) = receipts::receipt(sources, attempt).await? else {
        return Ok(None);
    };
    let signer = settings.app.as_ref().map(|app| Signer::of(&app.private_key)).transpose()?;
    Ok(Some(Signed::by(signer.as_ref(), receipt)?))
}

/// The documents of an attempt, in the order in which they were written; if there is such an attempt.
///
/// # Errors
/// When the store cannot be read.
pub async fn documents(
    settings: &ServerSettings,
    attempt: AttemptId,
) -> anyhow::Result<Option<Vec<Document>>> {
    let store = database::opened(settings).await?;
    Ok(store.runner_view(attempt).await?.map(|view| view.documents))
}

/// What fixers of an attempt were told, in that order.
///
/// # Errors
/// When the store cannot be read.
pub async fn prompts(
    settings: &ServerSettings,
    attempt: AttemptId,
) -> anyhow::Result<Vec<PromptAt>> {
    Ok(database::opened(settings).await?.prompts(attempt).await?)
}
