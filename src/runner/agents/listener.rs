//! Listening to an agent while it works: each line is heard by its own file, and what it told is passed
//! on at once to whoever watches.

use crate::domain::agent::{Agent, Answer, Ask, Opening, Said};
use crate::runner::model::ModelEnd;
use crate::runner::observe::{Happening, Observer};
use crate::runner::sandbox::Conversation;

/// A conversation with an agent.
pub(super) struct Listener<'a> {
    agent: &'a dyn Agent,
    ask: &'a Ask,
    said: Said,
    observer: &'a dyn Observer,
    models: Option<&'a ModelEnd>,
}

impl<'a> Listener<'a> {
    pub(super) fn new(agent: &'a dyn Agent, ask: &'a Ask, observer: &'a dyn Observer) -> Self {
        Self { agent, ask, said: Said::default(), observer, models: None }
    }

    /// The agent is told goodbye when its way to models has come to an end.
    pub(super) fn ends_with(&mut self, models: &'a ModelEnd) {
        self.models = Some(models);
    }

    pub(super) fn said(self) -> Said {
        self.said
    }
}

impl Conversation for Listener<'_> {
    fn begin(&mut self) -> Opening {
        self.agent.opening(self.ask)
    }

    fn is_over(&self) -> bool {
        self.models.is_some_and(ModelEnd::is_refused)
    }

    fn heard(&mut self, line: &[u8]) -> Answer {
        let answer = self.agent.hears(self.ask, line, &mut self.said);
        for event in &self.said.news() {
            self.observer.saw(&Happening::Agent { event });
        }
        answer
    }
}
