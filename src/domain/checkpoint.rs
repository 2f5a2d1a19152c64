//! Checkpoints: how far a fixer is in the middle of its turn, so that another machine can go on.
//!
//! A stage is done or not; a turn of a coding agent takes minutes and money before its stage is. So
//! a runner tells now and then what is there already: the change, the turns before this one, and the
//! agent's own record of its session. One checkpoint an attempt is kept, the last; the report of the
//! stage makes it obsolete.
//!
//! A session's files are the agent's and nobody else's: they are kept as they came, because a record
//! that was changed may not load, handed to the next runner of the same attempt alone, and never
//! shown to people. No secret of ours is in them, since the agent is given none.

use serde::{Deserialize, Serialize};

use super::document::{DOCUMENT_BYTES_MAX, Document, DocumentName};
use super::patch::{Content, Patch};

/// The most bytes of a session's files as they travel, packed: with the largest patch they fit into
/// one request. A session of forty turns has a twentieth of it.
pub const SESSION_BYTES_MAX: usize = 3 * 1024 * 1024;

/// The most files that hold one session.
pub const SESSION_FILES_MAX: usize = 4;

/// The longest name of a session or a fixer.
pub const NAME_BYTES_MAX: usize = 200;

/// A fixer in the middle of its turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The round of execute and verify, counted from 1.
    pub round: u8,
    /// The fixer whose turn it is.
    pub fixer: String,
    /// The turns that are finished, as the stage's document tells them.
    pub state: Document,
    /// The change so far, against the head.
    pub work_in_progress: Patch,
    /// The session to go on with, where the fixer has such a thing.
    pub session: Option<Session>,
}

/// A coding agent's own record of its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its name, as the agent gave it; letters, digits, `-` and `_`.
    pub id: String,
    /// Its files, packed with zstd, in the order in which the agent's adapter names them; one without
    /// bytes was not there.
    pub files: Vec<Content>,
}

impl Session {
    /// Whether a name is one that an agent gives: it becomes a part of a file's name.
    pub fn is_name(id: &str) -> bool {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        !id.is_empty() && id.len() <= NAME_BYTES_MAX && id.chars().all(is_plain)
    }

    fn bytes(&self) -> usize {
        self.files.iter().map(|file| file.bytes().len()).sum()
    }
}

impl Checkpoint {
    /// What is wrong with it, if anything is.
    pub fn fault(&self) -> Option<&'static str> {
        if self.fixer.len() > NAME_BYTES_MAX {
            return Some("the fixer's name is too long");
        }
        let is_state = self.state.name == DocumentName::State && self.state.round == self.round;
        if !is_state || self.state.body.len() > DOCUMENT_BYTES_MAX {
            return Some("its document is not the state of its round");
        }
        let session = self.session.as_ref()?;
        if !Session::is_name(&session.id) {
            return Some("the session's name is not one that an agent gives");
        }
        let is_beyond =
            session.files.len() > SESSION_FILES_MAX || session.bytes() > SESSION_BYTES_MAX;
        is_beyond.then_some("the session is larger than a session may be")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(change: impl Fn(&mut Checkpoint)) -> Checkpoint {
        let state = Document { name: DocumentName::State, round: 2, body: String::new() };
        let session = Session { id: "a-1_B".to_owned(), files: vec![Content::new("x")] };
        let mut checkpoint = Checkpoint {
            round: 2,
            fixer: "agent:codex".to_owned(),
            state,
            work_in_progress: Patch::default(),
            session: Some(session),
        };
        change(&mut checkpoint);
        checkpoint
    }

    #[test]
    fn a_checkpoint_beyond_its_limits_is_told() {
        let check = |change: &dyn Fn(&mut Checkpoint), is_fine: bool| {
            let checkpoint = checkpoint(change);
            assert_eq!(checkpoint.fault().is_none(), is_fine, "{:?}", checkpoint.fault());
        };
        check(&|_| {}, true);
        check(&|it| it.session = None, true);
        check(&|it| it.fixer = "x".repeat(NAME_BYTES_MAX + 1), false);
        check(&|it| it.state.round = 1, false);
        check(&|it| it.state.name = DocumentName::TriagePlan, false);
        check(&|it| it.state.body = "x".repeat(DOCUMENT_BYTES_MAX + 1), false);
        let with = |id: &str, files: Vec<Content>| Some(Session { id: id.to_owned(), files });
        for id in ["", "../x", "a/b", "a.jsonl", "ü", &"a".repeat(NAME_BYTES_MAX + 1)] {
            check(&|it| it.session = with(id, Vec::new()), false);
        }
        check(&|it| it.session = with("a", vec![Content::new(""); SESSION_FILES_MAX + 1]), false);
        let large = vec![Content::new(vec![0; SESSION_BYTES_MAX / 2 + 1]); 2];
        check(&|it| it.session = with("a", large.clone()), false);
    }
}
