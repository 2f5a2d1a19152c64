//! The JSON of things, as GitHub writes it: the same in answers and in webhooks.
//!
//! The fields are those that matter, plus those that every real payload has; addresses point into
//! this world. Nothing here changes anything.

mod account;
mod check;
mod pull;
mod run;

pub(crate) use account::permissions_json;
