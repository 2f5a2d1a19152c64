//! Views: what people see, as values that the forge adapter writes and nobody interprets.
//!
//! They are made in `report` and nowhere else.

use serde::{Deserialize, Serialize};

use super::ids::{RepoPath, Sha};

/// How a check run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Waiting for its turn.
    Queued,
    /// Working.
    InProgress,
    /// Done, and fine.
    Success,
    /// Done; nothing was ours to do, or we had trouble of our own. Never counts against anybody.
    Neutral,
    /// Done; a person is needed.
    ActionRequired,
    /// Done; stopped or overtaken.
    Cancelled,
}

impl CheckStatus {
    /// Whether nothing more will come by itself.
    pub const fn is_completed(self) -> bool {
        !matches!(self, Self::Queued | Self::InProgress)
    }
}

/// How loud an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnnotationLevel {
    /// For information.
    Notice,
    /// Something to look at.
    Warning,
    /// What failed.
    Failure,
}

/// A remark at a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// The file.
    pub path: RepoPath,
    /// First line, counted from 1.
    pub start_line: u32,
    /// Last line, counted from 1.
    pub end_line: u32,
    /// First column, counted from 1; only when the remark is about one line.
    #[serde(default)]
    pub start_column: Option<u32>,
    /// How loud.
    pub level: AnnotationLevel,
    /// A heading of at most 255 characters.
    pub title: String,
    /// What to know, at most 64 KB.
    pub message: String,
    /// More of it, at most 64 KB; shown on demand.
    #[serde(default)]
    pub raw_details: Option<String>,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What stands on it, at most 20 characters.
    pub label: String,
    /// What it does, at most 40 characters.
    pub description: String,
    /// How it is recognised when pressed, at most 20 characters.
    pub identifier: String,
}

/// The forge shows at most three.
pub const BUTTONS_MAX: usize = 3;

/// A check run as it shall be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// The commit that it is on.
    pub head: Sha,
    /// Our own key, by which a crashed server finds its check run again.
    pub external_id: String,
    /// How it stands.
    pub status: CheckStatus,
    /// One line.
    pub title: String,
    /// Markdown, at most 65,535 characters.
    pub summary: String,
    /// More Markdown, at most 65,535 characters.
    pub text: String,
    /// Remarks at lines; the adapter sends them in batches of 50, once.
    pub annotations: Vec<Annotation>,
    /// At most [`BUTTONS_MAX`]; the forge shows them once the run is completed.
    pub buttons: Vec<Button>,
    /// Where "Details" leads.
    pub details_url: Option<String>,
}

/// The one comment of a pull request that is edited in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentView {
    /// Markdown, the hidden marker included; at most [`COMMENT_CHARS_MAX`] characters.
    pub body: String,
}

/// GitHub refuses bodies over 65,536 characters; this leaves room for the marker and an ending.
pub const COMMENT_CHARS_MAX: usize = 60_000;

/// How we answer a comment without words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// Seen, will be done.
    Eyes,
    /// Done.
    Rocket,
    /// Refused.
    ThumbsDown,
    /// Not understood.
    Confused,
}
