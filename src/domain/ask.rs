//! Asks: what people want of us, by command or button.
//!
//! An ask is recorded when it arrives and answered when a decision is made; whether its author may
//! ask is checked then, not before. Of two asks that contradict each other the later one counts: the
//! one that was asked later, whichever arrived first.

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
    /// Take our commits back, and stop.
    Undo,
    /// Say where things stand.
    Status,
    /// Say what was read and decided, and why.
    Explain,
    /// Commit the held patch.
    Approve,
    /// Throw the held patch away.
    Reject,
    /// Answer the questions of an attempt.
    Answer,
    /// Say what can be asked.
    Help,
    /// Something that starts like a command and is none.
    Unknown,
}

impl AskKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Fix,
        Self::Retry,
        Self::Stop,
        Self::Resume,
        Self::Undo,
        Self::Status,
        Self::Explain,
        Self::Approve,
        Self::Reject,
        Self::Answer,
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
            Self::Undo => "undo",
            Self::Status => "status",
            Self::Explain => "explain",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Answer => "answer",
            Self::Help => "help",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it takes a stop back.
    const fn says_go_on(self) -> bool {
        matches!(self, Self::Fix | Self::Retry | Self::Resume)
    }

    /// Whether it says hands off.
    pub const fn says_stop(self) -> bool {
        matches!(self, Self::Stop | Self::Undo)
    }

    /// How long it is heeded when its author may ask it.
    pub const fn heed(self) -> Heed {
        if self.says_stop() || self.says_go_on() { Heed::Lasting } else { Heed::Passing }
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
    /// When it was asked: by the forge's clock, in whole seconds, where the forge tells; else when
    /// its delivery came.
    pub at: Timestamp,
}

/// Whether an ask is remembered after its answer, because it may contradict one that comes late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heed {
    /// It is: it says stop or go on, and its author may say so.
    Lasting,
    /// It is not.
    Passing,
}

impl Ask {
    /// Asks in the order in which they were asked: of those in one second comments in the order in
    /// which they were written (their numbers grow), commands of one comment in its order. A button
    /// comes after the comments of its moment, whose time lacks what is below a second.
    pub fn order(&self) -> (Timestamp, u64, &str) {
        (self.at, self.comment.map_or(u64::MAX, |comment| comment.id.get()), &self.key)
    }

    /// Whether that other one was asked later and says the contrary. A patch that was approved is not
    /// committed after a stop, but to approve one takes no stop back; so with answers.
    pub fn is_overtaken_by(&self, other: &Self) -> bool {
        let contradicts = match self.kind {
            AskKind::Stop | AskKind::Undo => other.kind.says_go_on(),
            AskKind::Fix
            | AskKind::Retry
            | AskKind::Resume
            | AskKind::Approve
            | AskKind::Answer => other.kind.says_stop(),
            AskKind::Status
            | AskKind::Explain
            | AskKind::Reject
            | AskKind::Help
            | AskKind::Unknown => false,
        };
        contradicts && self.order() < other.order()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::CommentPlace;
    use crate::domain::ids::{CommentId, Login, UserId};

    /// Asked at that second, by the comment of that number; 0: by a button.
    fn ask(kind: AskKind, at: i64, comment: u64) -> Ask {
        let place = CommentPlace::Conversation;
        let login = Login::parse("mona").unwrap();
        Ask {
            key: format!("comment:1:{comment}:0"),
            kind,
            text: String::new(),
            actor: Actor { id: UserId::new(5), login, is_bot: false },
            comment: (comment > 0).then(|| CommentRef { id: CommentId::new(comment), place }),
            at: Timestamp::from_millis(at * 1_000),
        }
    }

    #[test]
    fn asks_are_in_the_order_in_which_they_were_asked() {
        use AskKind::{Resume, Stop};
        let check = |earlier: Ask, later: Ask| {
            assert!(earlier.order() < later.order(), "{earlier:?} {later:?}");
        };
        check(ask(Stop, 10, 9), ask(Resume, 11, 8));
        check(ask(Stop, 10, 99), ask(Resume, 10, 100));
        check(ask(Stop, 10, 0), ask(Resume, 11, 0));
        check(ask(Stop, 10, 99), ask(Resume, 10, 0));
        let second = Ask { key: "comment:1:9:1".into(), ..ask(Stop, 10, 9) };
        check(ask(Resume, 10, 9), second);
    }

    #[test]
    fn an_ask_is_overtaken_by_a_later_one_that_says_the_contrary() {
        use AskKind::{
            Answer, Approve, Explain, Fix, Help, Reject, Resume, Retry, Status, Stop, Undo, Unknown,
        };
        let check = |kind: AskKind, by: &[AskKind]| {
            for other in AskKind::ALL {
                let is_overtaken = |at| ask(kind, 10, 5).is_overtaken_by(&ask(other, at, 6));
                assert_eq!(is_overtaken(11), by.contains(&other), "{kind:?} by {other:?}");
                assert!(!is_overtaken(9), "{kind:?} by {other:?} before it");
            }
        };
        check(Stop, &[Fix, Retry, Resume]);
        check(Undo, &[Fix, Retry, Resume]);
        for kind in [Fix, Retry, Resume, Approve, Answer] {
            check(kind, &[Stop, Undo]);
        }
        for kind in [Status, Explain, Reject, Help, Unknown] {
            check(kind, &[]);
        }
    }

    #[test]
    fn whatever_overtakes_is_remembered() {
        for other in AskKind::ALL {
            let overtakes = |kind: AskKind| ask(kind, 1, 1).is_overtaken_by(&ask(other, 2, 2));
            let lasts = other.heed() == Heed::Lasting;
            assert_eq!(AskKind::ALL.into_iter().any(overtakes), lasts, "{other:?}");
        }
    }
}
