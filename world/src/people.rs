//! The verbs of people, of CI and of GitHub itself.
//!
//! Tests and the demo act through these. They change the state through the same functions as the
//! API's routes, so that the same webhooks follow whoever acts. A verb that names something which
//! does not exist is a mistake of the test and panics with a sentence.

pub(crate) mod actions;
pub(crate) mod app;
pub(crate) mod check;
pub(crate) mod live;
pub(crate) mod merging;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod repo;
pub(crate) mod talk;
