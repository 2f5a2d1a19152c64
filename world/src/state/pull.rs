//! Pull requests, comments and labels.

/// A label of a repository.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub(crate) id: u64,
    pub(crate) name: String,
}

/// Where a pull request's commits live.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// `None` when the fork was deleted.
    pub(crate) repo: Option<u64>,
    /// The account before the colon in `owner:branch`.
    pub(crate) owner: String,
    pub(crate) branch: String,
    pub(crate) sha: String,
}

/// Whether a pull request can still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PullState {
    Open,
    Closed,
    Merged,
}

/// Auto-merge as somebody switched it on.
#[derive(Debug, Clone)]
pub(crate) struct AutoMerge {
    pub(crate) enabled_by: String,
    /// `merge`, `squash` or `rebase`.
    pub(crate) method: String,
    pub(crate) title: Option<String>,
    pub(crate) message: Option<String>,
}

/// A pull request.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) author: String,
    pub(crate) state: PullState,
    pub(crate) is_draft: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) head: Head,
    pub(crate) base_branch: String,
    pub(crate) base_sha: String,
    pub(crate) auto_merge: Option<AutoMerge>,
    pub(crate) is_queued: bool,
    pub(crate) maintainer_can_modify: bool,
    pub(crate) has_conflicts: Option<bool>,
    pub(crate) merge_sha: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) closed_ms: Option<i64>,
}

impl Pull {
    pub(crate) fn is_open(&self) -> bool {
        self.state == PullState::Open
    }

    pub(crate) fn has_label(&self, name: &str) -> bool {
        self.labels.iter().any(|have| have.eq_ignore_ascii_case(name))
    }

    pub(crate) fn node_id(&self) -> String {
        format!("PR_{}", self.id)
    }
}

/// Where in the code a review comment stands.
#[derive(Debug, Clone)]
pub(crate) struct CodePlace {
    pub(crate) path: String,
    pub(crate) line: u64,
    pub(crate) commit: String,
}

/// A comment on a pull request, in its conversation or on its code.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) pull: u64,
    pub(crate) author: String,
    /// Set when an App wrote it.
    pub(crate) via_app: Option<u64>,
    pub(crate) body: String,
    /// `None` for the conversation.
    pub(crate) place: Option<CodePlace>,
    /// Who reacted how, with the reaction's number.
    pub(crate) reactions: Vec<(u64, String, String)>,
    pub(crate) is_minimized: bool,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}
