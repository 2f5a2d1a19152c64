//! Differences: what a patch meets at the head.

use super::{Source, WorkspaceError, named};
use crate::domain::ids::{RepoPath, Sha};
use crate::domain::patch::{Content, FileMode, Patch};
use crate::domain::pull::BaseFile;

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
}
