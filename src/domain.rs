//! The heart: words, states and decisions, all pure.
//!
//! No async, no I/O, no clock and no forge's JSON in here: facts come in as values, decisions go out
//! as values, and `now` is always an argument. What is decided here can be tested in microseconds
//! and simulated by the million.

pub mod agent;
pub mod ask;
pub mod attempt;
pub mod autonomy;
pub mod brief;
pub mod case;
pub mod cause;
pub mod chain;
pub mod checkpoint;
pub mod command;
pub mod decide;
pub mod diff;
pub mod document;
pub mod effect;
pub mod event;
pub mod evidence;
pub mod failure;
pub mod false_fix;
pub mod feedback;
pub mod figures;
pub mod flakes;
pub mod gate;
pub mod granularity;
pub mod ids;
pub mod inputs;
pub mod invisible;
pub mod ledger;
pub mod limits;
pub mod live;
pub mod mending;
pub mod message;
pub mod model;
pub mod money;
pub mod outcome;
pub mod patch;
pub mod policy;
pub mod proof;
pub mod protected;
pub mod pull;
pub mod remedy;
pub mod subject;
pub mod undo;
pub mod view;
