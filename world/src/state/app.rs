//! The App, its installations and its tokens.

use std::collections::{BTreeMap, BTreeSet};

use crate::keys;

/// How much of a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `read`.
    Read,
    /// `write`, which includes reading.
    Write,
}

impl Level {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Reads `read`, `write` or `admin` (which counts as `write` here).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "read" => Some(Self::Read),
            "write" | "admin" => Some(Self::Write),
            _ => None,
        }
    }
}

/// Permission names with their levels.
pub(crate) type Permissions = BTreeMap<String, Level>;

/// What the App asks for when nothing else is said: the manifest's own list.
const DEFAULT_PERMISSIONS: &[(&str, Level)] = &[
    ("metadata", Level::Read),
    ("contents", Level::Write),
    ("pull_requests", Level::Write),
    ("checks", Level::Write),
    ("actions", Level::Write),
    ("issues", Level::Read),
    ("statuses", Level::Read),
    ("merge_queues", Level::Read),
];

/// What the App listens to when nothing else is said.
const DEFAULT_EVENTS: &[&str] = &[
    "pull_request",
    "workflow_run",
    "check_run",
    "check_suite",
    "issue_comment",
    "pull_request_review_comment",
    "status",
    "merge_group",
    "push",
];

/// The App as it is registered.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) client_id: String,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) webhook_secret: String,
    pub(crate) hook_url: String,
    pub(crate) permissions: Permissions,
    pub(crate) events: BTreeSet<String>,
    pub(crate) created_ms: i64,
}

impl App {
    pub(crate) fn registered(now_ms: i64) -> Self {
        Self {
            id: 4711,
            client_id: "Iv23world".into(),
            slug: "selfheal".into(),
            name: "selfheal".into(),
            owner: "acme".into(),
            webhook_secret: keys::random_hex(),
            hook_url: String::new(),
            permissions: DEFAULT_PERMISSIONS
                .iter()
                .map(|(name, level)| ((*name).to_owned(), *level))
                .collect(),
            events: DEFAULT_EVENTS.iter().map(|name| (*name).to_owned()).collect(),
            created_ms: now_ms,
        }
    }

    /// The login of its bot user.
    pub(crate) fn bot(&self) -> String {
        format!("{}[bot]", self.slug)
    }
}

/// Which repositories of an account an installation reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    All,
    Selected(BTreeSet<u64>),
}

/// The App on one account.
#[derive(Debug, Clone)]
pub(crate) struct Installation {
    pub(crate) id: u64,
    pub(crate) account: String,
    pub(crate) selection: Selection,
    pub(crate) permissions: Permissions,
    pub(crate) suspended_ms: Option<i64>,
    pub(crate) created_ms: i64,
}

impl Installation {
    /// Whether a repository of its account is among those it reaches.
    pub(crate) fn reaches(&self, repo: u64) -> bool {
        match &self.selection {
            Selection::All => true,
            Selection::Selected(ids) => ids.contains(&repo),
        }
    }
}

/// An installation token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) installation: u64,
    /// `None` means all that the installation reaches.
    pub(crate) repos: Option<BTreeSet<u64>>,
    pub(crate) permissions: Permissions,
    pub(crate) until_ms: i64,
}
