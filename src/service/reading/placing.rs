//! Placing: failures held against the files of the head that they were read on.
//!
//! A failure names a file as the head does, and a line that is in it, so that a remark stands at
//! the very place or nowhere; what was lost is noted. Where the head's files cannot be had, places
//! stay as they were read.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use crate::domain::failure::Failure;
use crate::domain::ids::RepoPath;
use crate::domain::pull::Pull;
use crate::evidence::places;
use crate::ports::forge::{Forge, ForgeError};

/// Files whose lines are counted: their texts come in one answer.
const COUNTED_FILES_MAX: usize = 20;

/// Lost places that are named one by one.
const LOST_NOTED_MAX: usize = 5;

/// Holds every place of a draft against the head.
///
/// # Errors
/// [`ForgeError::RateLimited`] alone.
pub(super) async fn hold(
    forge: &dyn Forge,
    pull: &Pull,
    draft: &mut Draft,
) -> Result<(), ForgeError> {
    if places::files(&draft.failures).is_empty() {
        return Ok(());
    }
    match forge.paths(&pull.repo, &pull.head.sha).await {
        Ok(Some(paths)) => {
            let lost = places::place(&mut draft.failures, &paths.into_iter().collect());
            note(lost, draft);
        }
        Ok(None) => {}
        Err(error) => passed_over(error)?,
    }
    let files = with_lines(&draft.failures);
    if files.is_empty() {
        return Ok(());
    }
    match forge.texts(&pull.repo, &pull.head.sha, &files).await {
        Ok(texts) => {
            let count = |(file, text): (_, Option<String>)| {
                Some((file, places::lines_of(text?.as_bytes())))
            };
            let counted: BTreeMap<_, _> = files.into_iter().zip(texts).filter_map(count).collect();
            let lost = places::bound(&mut draft.failures, |file| counted.get(file).copied());
            note(lost, draft);
        }
        Err(error) => passed_over(error)?,
    }
    Ok(())
}

/// Says which places were lost, so that nobody looks for their remarks.
fn note(mut lost: Vec<String>, draft: &mut Draft) {
    lost.dedup();
    let more = lost.len().saturating_sub(LOST_NOTED_MAX);
    draft.notes.extend(lost.into_iter().take(LOST_NOTED_MAX));
    if more > 0 {
        draft.notes.push(format!("… and {more} more places that the head has not"));
    }
}

/// The first files of which a failure names a line.
fn with_lines(failures: &[Failure]) -> Vec<RepoPath> {
    let mut seen = BTreeSet::new();
    let placed = failures.iter().filter(|failure| failure.line.is_some());
    let files = placed.filter_map(|failure| failure.file.as_ref());
    files.filter(|file| seen.insert(*file)).take(COUNTED_FILES_MAX).cloned().collect()
}

fn passed_over(error: ForgeError) -> Result<(), ForgeError> {
    if matches!(error, ForgeError::RateLimited { .. }) {
        return Err(error);
    }
    tracing::info!(%error, "places are not held against the head");
    Ok(())
}
