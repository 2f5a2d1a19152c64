//! What people (and bots) say on pull requests.

use serde_json::json;

use super::app::unknown;
use super::pull::Pull;
use crate::World;
use crate::hooks::Telling;
use crate::state::State;
use crate::state::pull::{CodePlace, Comment};

/// A comment to be written.
#[derive(Debug)]
pub(crate) struct NewComment {
    pub(crate) pull: u64,
    pub(crate) author: String,
    pub(crate) via_app: Option<u64>,
    pub(crate) body: String,
    pub(crate) place: Option<CodePlace>,
}

impl World {
    /// Somebody comments in the conversation; the comment's number.
    pub fn comment(&self, pull: &Pull, by: &str, body: &str) -> u64 {
        self.say(pull, by, body, None)
    }

    /// Somebody comments on a line of the code; the comment's number.
    pub fn review_comment(
        &self,
        pull: &Pull,
        by: &str,
        (path, line): (&str, u64),
        body: &str,
    ) -> u64 {
        let commit = self.head_sha(pull);
        self.say(pull, by, body, Some(CodePlace { path: path.to_owned(), line, commit }))
    }

    fn say(&self, pull: &Pull, by: &str, body: &str, place: Option<CodePlace>) -> u64 {
        let now_ms = self.now_ms();
        let new = NewComment {
            pull: pull.number,
            author: by.to_owned(),
            via_app: None,
            body: body.to_owned(),
            place,
        };
        self.state().add_comment(pull.repo.id, new, now_ms).id
    }

    /// Somebody edits a comment.
    pub fn edit_comment(&self, pull: &Pull, by: &str, comment: u64, body: &str) {
        let now_ms = self.now_ms();
        self.state().edit_comment((pull.repo.id, comment), body, by, now_ms);
    }

    /// Who reacted how to a comment, as `login content`.
    pub fn reactions(&self, pull: &Pull, comment: u64) -> Vec<String> {
        let mut state = self.state();
        let kept = state.comment_mut((pull.repo.id, comment));
        kept.reactions.iter().map(|(_, login, content)| format!("{login} {content}")).collect()
    }
}

impl State {
    fn comment_mut(&mut self, (repo, id): (u64, u64)) -> &mut Comment {
        match self.repo_mut(repo).comments.get_mut(&id) {
            Some(comment) => comment,
            None => unknown(&format!("there is no comment {id}")),
        }
    }

    pub(crate) fn add_comment(&mut self, repo: u64, new: NewComment, now_ms: i64) -> Comment {
        self.user(&new.author);
        let comment = Comment {
            id: self.fresh_id(),
            pull: new.pull,
            author: new.author,
            via_app: new.via_app,
            body: new.body,
            place: new.place,
            reactions: Vec::new(),
            is_minimized: false,
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        let first = comment.body.lines().find(|line| !line.starts_with("<!--")).unwrap_or_default();
        let line = format!("{} commented: {first}", comment.author);
        let kept = self.repo_mut(repo);
        kept.note(comment.pull, line);
        kept.comments.insert(comment.id, comment.clone());
        self.tell_comment((repo, &comment), ("created", &comment.author), now_ms);
        comment
    }

    pub(crate) fn edit_comment(
        &mut self,
        (repo, id): (u64, u64),
        body: &str,
        by: &str,
        now_ms: i64,
    ) {
        let comment = self.comment_mut((repo, id));
        body.clone_into(&mut comment.body);
        comment.updated_ms = now_ms;
        let comment = comment.clone();
        self.tell_comment((repo, &comment), ("edited", by), now_ms);
    }

    fn tell_comment(
        &mut self,
        (repo, comment): (u64, &Comment),
        (action, by): (&str, &str),
        now_ms: i64,
    ) {
        let shape = self.comment_json(repo, comment);
        let (event, body) = if comment.place.is_some() {
            let pull = self.pull_json(repo, comment.pull);
            ("pull_request_review_comment", json!({ "comment": shape, "pull_request": pull }))
        } else {
            let issue = self.issue_json(repo, comment.pull);
            ("issue_comment", json!({ "issue": issue, "comment": shape }))
        };
        self.tell(now_ms, Telling { event, action: Some(action), repo, sender: by }, body);
    }
}
