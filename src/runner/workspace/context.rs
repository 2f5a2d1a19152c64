//! Context: what a coding agent is told of the repository beside the failure: how the base branch wants
//! its work done, and what the pull request changes.
//!
//! Both are read from the commits' own objects: no checkout, no link and no setting of the pull request
//! has a part in it.

use super::{Call, Source, WorkspaceError, named};
use crate::domain::agent;
use crate::domain::brief::Brief;
use crate::domain::ids::{RepoPath, Sha};
use crate::domain::patch::{FileMode, Patch};

/// Files whose difference is shown; the forge's own pages show no more at once.
const FILES_MAX: usize = 100;

/// What an agent is told of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The texts of the base branch's guidance files, each under its name.
    pub guidance: String,
    /// What the pull request changes, as a unified diff; a stranger's text.
    pub change: String,
    /// What that is a difference to.
    pub against: Against,
    /// What the last change of each earlier attempt makes of the head, in their order.
    pub earlier: Vec<String>,
}

/// What a pull request's change is a difference to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Against {
    /// The commit that it began with: the newest that it and its base branch have in common.
    #[default]
    Fork,
    /// The newest commit of its base branch, because nobody could tell the other one or fetch it. What
    /// that has changed since shows as well, the other way round.
    Base,
}

impl Source {
    /// What an agent is told of the repository that a brief is about.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`].
    pub async fn context(&self, brief: &Brief) -> Result<Context, WorkspaceError> {
        let mut earlier = Vec::with_capacity(brief.earlier.len());
        for attempt in &brief.earlier {
            earlier.push(self.difference(&Patch::default(), &attempt.patch).await?);
        }
        let (change, against) = self.change(&brief.changed_files).await?;
        Ok(Context { guidance: self.guidance().await?, change, against, earlier })
    }

    /// What the pull request has changed in some files.
    async fn change(&self, files: &[RepoPath]) -> Result<(String, Against), WorkspaceError> {
        let (base, against) = match (&self.fork, &self.base) {
            (Some(fork), _) => (fork, Against::Fork),
            (None, Some(base)) => (base, Against::Base),
            (None, None) => return Ok((String::new(), Against::default())),
        };
        if files.is_empty() {
            return Ok((String::new(), Against::default()));
        }
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
        let output = self.git.call(call).await?;
        Ok((String::from_utf8_lossy(&output).into_owned(), against))
    }

    async fn guidance(&self) -> Result<String, WorkspaceError> {
        let Some(base) = &self.base else { return Ok(String::new()) };
        let tree = self.git.tree(&self.mirror, base).await?;
        let guidance = agent::guidance();
        let is_file = |mode| matches!(mode, FileMode::Regular | FileMode::Executable);
        let found: Vec<(RepoPath, Sha)> = tree
            .iter()
            .filter_map(named)
            .filter(|(path, mode, _)| guidance.contains(&path.as_str()) && is_file(*mode))
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
