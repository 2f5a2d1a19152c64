//! What changes in pull requests, whoever changes it: people's verbs and the API's routes end here.

use serde_json::{Value, json};

use crate::hooks::Telling;
use crate::people::app::unknown;
use crate::state::State;
use crate::state::pull::{Head, Label, Pull as Kept, PullState};

/// What a pull request is opened with.
#[derive(Debug)]
pub(crate) struct NewPull {
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) author: String,
    pub(crate) is_draft: bool,
    pub(crate) head: Head,
    pub(crate) base_branch: String,
    pub(crate) base_sha: String,
    pub(crate) has_conflicts: Option<bool>,
}

impl State {
    pub(crate) fn pull_mut(&mut self, (repo, number): (u64, u64)) -> &mut Kept {
        match self.repo_mut(repo).pulls.get_mut(&number) {
            Some(pull) => pull,
            None => unknown(&format!("there is no pull request #{number}")),
        }
    }

    /// Tells of a pull request; `extra` are the fields that belong to the action.
    pub(crate) fn tell_pull(
        &mut self,
        (repo, number): (u64, u64),
        (action, sender): (&str, &str),
        extra: Value,
        now_ms: i64,
    ) {
        let mut body = json!({ "number": number, "pull_request": self.pull_json(repo, number) });
        if let (Value::Object(fields), Value::Object(more)) = (&mut body, extra) {
            fields.extend(more);
        }
        let telling = Telling { event: "pull_request", action: Some(action), repo, sender };
        self.tell(now_ms, telling, body);
    }

    /// Files a pull request under the next number, and tells nobody yet.
    pub(crate) fn next_pull(&mut self, repo: u64, new: NewPull, now_ms: i64) -> u64 {
        self.user(&new.author);
        let id = self.fresh_id();
        let kept = self.repo_mut(repo);
        let number = kept.next_number;
        kept.next_number += 1;
        kept.note(number, format!("{} opened", new.author));
        let pull = Kept {
            id,
            number,
            title: new.title,
            body: new.body,
            author: new.author,
            state: PullState::Open,
            is_draft: new.is_draft,
            labels: Vec::new(),
            head: new.head,
            base_branch: new.base_branch,
            base_sha: new.base_sha,
            auto_merge: None,
            is_queued: false,
            maintainer_can_modify: true,
            has_conflicts: new.has_conflicts,
            merge_sha: None,
            created_ms: now_ms,
            updated_ms: now_ms,
            closed_ms: None,
        };
        kept.pulls.insert(number, pull);
        number
    }

    /// Opens a pull request; its number.
    pub(crate) fn open_pull(&mut self, repo: u64, new: NewPull, now_ms: i64) -> u64 {
        let author = new.author.clone();
        let number = self.next_pull(repo, new, now_ms);
        self.tell_pull((repo, number), ("opened", &author), json!({}), now_ms);
        number
    }

    pub(crate) fn close_pull(&mut self, at: (u64, u64), by: &str, now_ms: i64) {
        self.user(by);
        let pull = self.pull_mut(at);
        pull.state = PullState::Closed;
        pull.closed_ms = Some(now_ms);
        pull.updated_ms = now_ms;
        self.repo_mut(at.0).note(at.1, format!("{by} closed"));
        self.tell_pull(at, ("closed", by), json!({}), now_ms);
    }

    /// The label of that name, made when it is missing; its name as it is written.
    pub(crate) fn label_named(&mut self, repo: u64, name: &str) -> String {
        let fresh = self.fresh_id();
        let labels = &mut self.repo_mut(repo).labels;
        if let Some(known) = labels.iter().find(|label| label.name.eq_ignore_ascii_case(name)) {
            return known.name.clone();
        }
        labels.push(Label { id: fresh, name: name.to_owned() });
        name.to_owned()
    }

    pub(crate) fn add_label(&mut self, at: (u64, u64), name: &str, by: &str, now_ms: i64) {
        self.user(by);
        let name = self.label_named(at.0, name);
        let pull = self.pull_mut(at);
        if pull.has_label(&name) {
            return;
        }
        pull.labels.push(name.clone());
        pull.updated_ms = now_ms;
        self.repo_mut(at.0).note(at.1, format!("{by} added label {name}"));
        let extra = json!({ "label": self.label_of(at.0, &name) });
        self.tell_pull(at, ("labeled", by), extra, now_ms);
    }

    /// Whether it was there.
    pub(crate) fn remove_label(
        &mut self,
        at: (u64, u64),
        name: &str,
        by: &str,
        now_ms: i64,
    ) -> bool {
        self.user(by);
        let pull = self.pull_mut(at);
        if !pull.has_label(name) {
            return false;
        }
        pull.labels.retain(|have| !have.eq_ignore_ascii_case(name));
        pull.updated_ms = now_ms;
        self.repo_mut(at.0).note(at.1, format!("{by} removed label {name}"));
        let extra = json!({ "label": self.label_of(at.0, name) });
        self.tell_pull(at, ("unlabeled", by), extra, now_ms);
        true
    }
}
