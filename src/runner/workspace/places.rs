//! Places of failures, held against the head: a log names files and lines as some machine saw them.

use std::collections::BTreeMap;

use super::{Source, WorkspaceError, named};
use crate::domain::failure::Failure;
use crate::domain::ids::RepoPath;
use crate::evidence::places::{bound, files, lines_of, place};

/// Files whose lines are counted; failures in more files than this are looked at by their first.
const COUNTED_MAX: usize = 100;

impl Source {
    /// Names files as the head does; takes away files that it has not and lines beyond their end.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`].
    pub async fn hold_places(&self, failures: &mut [Failure]) -> Result<(), WorkspaceError> {
        let tree = self.git.tree(&self.mirror, &self.head).await?;
        let entries: BTreeMap<RepoPath, _> =
            tree.iter().filter_map(named).map(|(path, _, object)| (path, object)).collect();
        place(failures, &entries.keys().cloned().collect());
        let counted: Vec<_> = files(failures)
            .into_iter()
            .filter_map(|path| entries.get_key_value(&path))
            .take(COUNTED_MAX)
            .collect();
        let objects: Vec<_> = counted.iter().map(|(_, object)| (*object).clone()).collect();
        let contents = self.git.blobs(&self.mirror, &objects).await?;
        let lines: BTreeMap<&RepoPath, u32> = counted
            .iter()
            .map(|(path, _)| *path)
            .zip(contents.iter().map(|content| lines_of(content)))
            .collect();
        bound(failures, |path| lines.get(path).copied());
        Ok(())
    }
}
