//! Context: what a coding agent is told of the repository beside the failure: how the base branch wants
//! its work done, and what the pull request changes.
//!
//! Both are read from the commits' own objects: no checkout, no link and no setting of the pull request
//! has a part in it.

use super::{Call, Source, WorkspaceError, named};
use crate::domain::ids::{RepoPath, Sha};
use crate::domain::patch::FileMode;

/// Files in which a repository tells agents how it wants its work done.
const GUIDANCE: [&str; 3] = ["AGENTS.md", "CLAUDE.md", "GEMINI.md"];

/// Files whose difference is shown; the forge's own pages show no more at once.
const FILES_MAX: usize = 100;

/// What an agent is told of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The texts of the base branch's guidance files, each under its name.
    pub guidance: String,
    /// What the pull request changes, as a unified diff; a stranger's text.
    pub change: String,
}

impl Source {
    /// What an agent is told, where the pull request has changed those files.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`].
    pub async fn context(&self, changed: &[RepoPath]) -> Result<Context, WorkspaceError> {
        Ok(Context { guidance: self.guidance().await?, change: self.change(changed).await? })
    }

    /// The difference between base and head in some files. What the base branch has changed in them
    /// since the pull request began shows as well, the other way round.
    async fn change(&self, files: &[RepoPath]) -> Result<String, WorkspaceError> {
        let Some(base) = self.base.as_ref().filter(|_| !files.is_empty()) else {
            return Ok(String::new());
        };
        let mut args = vec!["diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"];
        args.extend([base.as_str(), self.head.as_str(), "--"]);
        args.extend(files.iter().take(FILES_MAX).map(RepoPath::as_str));
        let mut call = Call::new(&self.mirror, &args);
        let variables = [
            ("GIT_LITERAL_PATHSPECS", "1"),
            // Larger files are named and not shown.
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "core.bigFileThreshold"),
            ("GIT_CONFIG_VALUE_0", "256k"),
        ];
        call.env = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Ok(String::from_utf8_lossy(&self.git.call(call).await?).into_owned())
    }

    async fn guidance(&self) -> Result<String, WorkspaceError> {
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
