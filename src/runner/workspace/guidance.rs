//! Guidance: what the base branch tells coding agents, for whoever does not read it by himself.

use super::{Source, WorkspaceError, named};
use crate::domain::ids::{RepoPath, Sha};
use crate::domain::patch::FileMode;

/// Files in which a repository tells agents how it wants its work done.
const GUIDANCE: [&str; 3] = ["AGENTS.md", "CLAUDE.md", "GEMINI.md"];

impl Source {
    /// What the base commit tells agents: the texts of its guidance files, each under its name.
    ///
    /// Read from the commit's own objects, so that no link leads anywhere else.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`].
    pub async fn guidance(&self) -> Result<String, WorkspaceError> {
        let Some(base) = &self.base else { return Ok(String::new()) };
        let tree = self.git.tree(&self.mirror, base).await?;
        let is_file = |mode| matches!(mode, FileMode::Regular | FileMode::Executable);
        let found: Vec<(RepoPath, Sha)> = tree
            .iter()
            .filter_map(named)
            .filter(|(path, mode, _)| GUIDANCE.contains(&path.as_str()) && is_file(*mode))
            .map(|(path, _, object)| (path, object))
            .collect();
        let objects: Vec<Sha> = found.iter().map(|(_, object)| object.clone()).collect();
        let contents = self.git.blobs(&self.mirror, &objects).await?;
        let texts = found.iter().zip(contents).map(|((path, _), content)| {
            format!("{path}:\n\n{}\n\n", String::from_utf8_lossy(&content).trim())
        });
        Ok(texts.collect())
    }
}
