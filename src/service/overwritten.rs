//! Overwritten: whether what a fix wrote still stands at a later commit.
//!
//! Only what the forge shows is compared. A file that is there and is not shown (binary, or too large
//! for one answer) is unknown, and what is unknown counts as kept: nothing is held against a fix that
//! nobody has seen. So is a file that is there no more: it may have been moved, with every line of the fix.

use super::Services;
use crate::domain::false_fix::{OVERWRITTEN_FILES_MAX, is_overwritten};
use crate::domain::ids::{RepoPath, Sha};
use crate::domain::patch::Patch;
use crate::domain::pull::{BaseFile, Repo};

/// What a fix did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'a> {
    /// The commit that it was made on.
    pub before: &'a Sha,
    /// What it changed.
    pub patch: &'a Patch,
}

/// A file of a fix that has other lines at that commit in the place of the fix's own, if the forge
/// shows one: in at most four requests.
pub(super) async fn overwritten(
    services: &Services,
    repo: &Repo,
    fix: &Written<'_>,
    now: &Sha,
) -> Option<RepoPath> {
    let written = fix.patch.changes().iter().filter_map(|change| {
        let new = change.new.as_ref().and_then(|file| file.content.text());
        new.map(|text| (change.path.clone(), text))
    });
    let written: Vec<(RepoPath, &str)> = written.take(OVERWRITTEN_FILES_MAX).collect();
    let paths: Vec<RepoPath> = written.iter().map(|(path, _)| path.clone()).collect();
    let before = services.forge.base_files(repo, fix.before, &paths).await.ok()?;
    let after = services.forge.base_files(repo, now, &paths).await.ok()?;
    let is_gone = |(path, ours): &(RepoPath, &str)| {
        let before = text_of(&before, path, Some(""));
        let now = text_of(&after, path, None);
        before.zip(now).is_some_and(|(before, now)| is_overwritten(before, ours, now))
    };
    written.into_iter().find(is_gone).map(|(path, _)| path)
}

/// The text at a path; none of a file that is not shown.
fn text_of<'a>(
    files: &'a [BaseFile],
    path: &RepoPath,
    missing: Option<&'a str>,
) -> Option<&'a str> {
    match files.iter().find(|file| file.path == *path) {
        None => missing,
        Some(file) => file.text.as_deref(),
    }
}
