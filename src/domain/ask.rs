//! Asks: what people want of us, by command or button.
//!
//! An ask is recorded when it arrives and answered when a decision is made; whether its author may
//! ask is checked then, not before.

use super::event::CommentRef;
use super::ids::Timestamp;
use super::pull::Actor;

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AskKind {
    /// Heal this pull request now, drafts and filters notwithstanding.
    Fix,
    /// Make another attempt.
    Retry,
    /// Hands off.
    Stop,
    /// Take a stop back.
    Resume,
    /// Say where things stand.
    Status,
    /// Say what was read and decided, and why.
    Explain,
    /// Commit the held patch.
    Approve,
    /// Throw the held patch away.
    Reject,
    /// Say what can be asked.
    Help,
    /// Something that starts like a command and is none.
    Unknown,
}

impl AskKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Fix,
        Self::Retry,
        Self::Stop,
        Self::Resume,
        Self::Status,
        Self::Explain,
        Self::Approve,
        Self::Reject,
        Self::Help,
        Self::Unknown,
    ];

    /// The name in tables, commands and buttons.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Retry => "retry",
            Self::Stop => "stop",
            Self::Resume => "resume",
            Self::Status => "status",
            Self::Explain => "explain",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Help => "help",
            Self::Unknown => "unknown",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Somebody wants something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// What makes it one and the same however often it is delivered: `comment:17`,
    /// `button:<delivery id>`.
    pub key: String,
    /// What is wanted.
    pub kind: AskKind,
    /// The text of the command, bounded; for answers that quote it.
    pub text: String,
    /// Who wants it.
    pub actor: Actor,
    /// The comment to answer, when it was one.
    pub comment: Option<CommentRef>,
    /// When it was asked.
    pub at: Timestamp,
}
