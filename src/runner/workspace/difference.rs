//! Differences: what a patch meets at the head, and what one patch changes after another.

use std::collections::BTreeSet;

use super::{Source, WorkspaceError, named};
use crate::domain::diff::unified;
use crate::domain::ids::{RepoPath, Sha};
use crate::domain::patch::{Content, FileChange, FileMode, NewFile, Patch};
use crate::domain::pull::BaseFile;

/// A larger file is named and not compared: comparing takes longer than anybody would read.
const SHOWN_BYTES_MAX: usize = 256 * 1024;

impl Source {
    /// The head's side of a patch: what the files that it names are there.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`].
    pub async fn base_files(&self, patch: &Patch) -> Result<Vec<BaseFile>, WorkspaceError> {
        let tree = self.git.tree(&self.mirror, &self.head).await?;
        let is_named = |path: &RepoPath| patch.changes().iter().any(|change| change.path == *path);
        let entries: Vec<_> =
            tree.iter().filter_map(named).filter(|(path, _, _)| is_named(path)).collect();
        let has_blob = |mode: FileMode| mode != FileMode::Submodule;
        let objects: Vec<Sha> = entries
            .iter()
            .filter(|(_, mode, _)| has_blob(*mode))
            .map(|(_, _, object)| object.clone())
            .collect();
        let mut contents = self.git.blobs(&self.mirror, &objects).await?.into_iter();
        let file = |(path, mode, _)| {
            let content = if has_blob(mode) { contents.next() } else { None };
            let content = Content::new(content.unwrap_or_default());
            let size = content.bytes().len() as u64;
            BaseFile { path, mode, text: content.text().map(str::to_owned), size }
        };
        Ok(entries.into_iter().map(file).collect())
    }

    /// What changes between a head with one patch and the head with another, as a unified diff; large
    /// and binary files are only named.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`].
    pub async fn difference(
        &self,
        earlier: &Patch,
        patch: &Patch,
    ) -> Result<String, WorkspaceError> {
        if earlier == patch {
            return Ok(String::new());
        }
        let both = earlier.changes().iter().chain(patch.changes());
        let paths: BTreeSet<&RepoPath> = both.map(|change| &change.path).collect();
        let head = [self.base_files(earlier).await?, self.base_files(patch).await?].concat();
        let (mut old_side, mut changes) = (Vec::new(), Vec::new());
        for path in paths {
            let at_head = head.iter().find(|file| file.path == *path);
            let of = |patch: &Patch| {
                let change = patch.changes().iter().find(|change| change.path == *path);
                change.map_or_else(|| at_head.map(shown_as_new), |it| it.new.clone())
            };
            let (old, new) = (of(earlier), of(patch));
            if old != new {
                let sizes =
                    [&old, &new].map(|it| it.as_ref().map_or(0, |it| it.content.bytes().len()));
                let is_large = sizes.iter().any(|size| *size > SHOWN_BYTES_MAX);
                let text = |old: &NewFile| old.content.text().map(str::to_owned);
                old_side.extend(old.map(|old| BaseFile {
                    path: path.clone(),
                    mode: old.mode,
                    text: text(&old).filter(|_| !is_large),
                    size: old.content.bytes().len() as u64,
                }));
                changes.push(FileChange { path: path.clone(), new });
            }
        }
        // Two patches may name more together than one may.
        Ok(unified(&Patch::new(changes).unwrap_or_default(), &old_side))
    }
}

/// A file that nobody has changed; one that is no text has nothing to show.
fn shown_as_new(file: &BaseFile) -> NewFile {
    let content = Content::new(file.text.as_deref().unwrap_or("\0"));
    NewFile { mode: file.mode, content }
}
