//! The repository's own problem matchers, as the base commit holds them.
//!
//! The base commit alone: whoever opens a pull request must not choose how its logs are read. A
//! file that cannot be had or is wrong is a note, and keeps no log from being read. Races: none; a
//! commit never changes.

use std::sync::Arc;

use super::draft::Draft;
use crate::domain::ids::RepoPath;
use crate::domain::policy::FileGlob;
use crate::domain::pull::Pull;
use crate::evidence::Matcher;
use crate::ports::forge::{Forge, ForgeError};

/// Files that are read: a repository has one a tool.
const FILES_MAX: usize = 10;

/// Folders that are looked through, at a request each.
const FOLDERS_MAX: usize = 3;

/// Matchers of all files together: each looks at every line.
const MATCHERS_MAX: usize = 32;

/// What all matchers together look at in one log; a log of two megabytes has room for all.
const LOOKED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What this repository's logs are read with.
#[derive(Debug, Clone, Default)]
pub(super) struct Own(Arc<[Matcher]>);

impl Own {
    /// Reads the files that the policy names; what was read and what was not is said in the draft.
    ///
    /// # Errors
    /// [`ForgeError::RateLimited`] alone: a limit holds for what is read next, too.
    pub(super) async fn of_base(
        forge: &dyn Forge,
        (pull, files): (&Pull, &[FileGlob]),
        draft: &mut Draft,
    ) -> Result<Self, ForgeError> {
        let found = match found(forge, pull, files, draft).await {
            Ok(found) => found,
            Err(error @ ForgeError::RateLimited { .. }) => return Err(error),
            Err(error) => {
                draft.notes.push(format!("problem matchers could not be had: {error}"));
                return Ok(Self::default());
            }
        };
        let mut own = Vec::new();
        for (path, text) in found {
            let file = format!("problem matchers in {path} on {}", pull.base);
            let Some(text) = text else {
                draft.notes.push(format!("{file}: there is no text there"));
                continue;
            };
            match Matcher::parse_file(&text) {
                Ok(matchers) => {
                    let unusable = matchers.iter().filter_map(Matcher::note);
                    draft.notes.extend(unusable.map(|why| format!("{file}: {why}")));
                    own.extend(matchers.into_iter().filter(|matcher| matcher.note().is_none()));
                    draft.sources.push(file);
                }
                Err(why) => draft.notes.push(format!("{file}: {why}")),
            }
        }
        if own.len() > MATCHERS_MAX {
            draft.notes.push(format!("{} problem matchers, {MATCHERS_MAX} used", own.len()));
            own.truncate(MATCHERS_MAX);
        }
        Ok(Self(own.into()))
    }

    /// The matchers for a log of that length; none, and a note, when they would take too long.
    pub(super) fn of_log(&self, source: &str, bytes: usize, draft: &mut Draft) -> Arc<[Matcher]> {
        if bytes.saturating_mul(self.0.len()) > LOOKED_BYTES_MAX {
            let count = self.0.len();
            draft.notes.push(format!("{source}: too long for {count} problem matchers"));
            return Arc::default();
        }
        Arc::clone(&self.0)
    }
}

/// The files that are meant, with their texts.
async fn found(
    forge: &dyn Forge,
    pull: &Pull,
    files: &[FileGlob],
    draft: &mut Draft,
) -> Result<Vec<(RepoPath, Option<String>)>, ForgeError> {
    let mut paths = Vec::new();
    let mut folders: Vec<RepoPath> = Vec::new();
    for files in files {
        match files.folder() {
            Some(folder) if !folders.contains(&folder) => folders.push(folder),
            Some(_) => {}
            None => paths.extend(RepoPath::parse(files.as_str())),
        }
    }
    if folders.len() > FOLDERS_MAX {
        let note = format!("problem matchers: {} folders, {FOLDERS_MAX} read", folders.len());
        draft.notes.push(note);
    }
    for folder in folders.iter().take(FOLDERS_MAX) {
        let below = forge.paths_below(&pull.repo, &pull.base_sha, folder).await?;
        let is_meant = |path: &RepoPath| files.iter().any(|files| files.admits(path));
        paths.extend(below.into_iter().filter(is_meant));
    }
    paths.sort_unstable();
    paths.dedup();
    if paths.len() > FILES_MAX {
        let note = format!("problem matchers: {} files, {FILES_MAX} read", paths.len());
        draft.notes.push(note);
        paths.truncate(FILES_MAX);
    }
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let texts = forge.texts(&pull.repo, &pull.base_sha, &paths).await?;
    Ok(paths.into_iter().zip(texts).collect())
}
