//! selfheal heals failing CI: it reads the failure, lets a fixer work in a sealed place, proves the
//! fix, passes it through a gate that no fixer can talk to, commits it as a GitHub App and reports in
//! one check run.
//!
//! # The house
//!
//! | floor | what lives there |
//! | --- | --- |
//! | [`domain`] | words, states and decisions: pure, no clock, no I/O |
//! | [`evidence`], [`report`], [`config`] | logs into failures; cases into texts; files into policies |
//! | [`documents`] | what stages read and write: types, schemas, limits: pure |
//! | [`weakening`] | what a change does to tests and checks, by syntax: pure |
//! | [`models`] | requests to models, and what their answers say of their cost |
//! | [`ports`] | what is needed from outside, as traits in domain words |
//! | [`forge`], [`store`], [`compute`], [`providers`] | adapters: GitHub, SQLite and PostgreSQL, where attempts and models run |
//! | [`service`] | use cases: intake, healing, effects, runners, the worker |
//! | [`http`], [`cli`] | the doors: the only code that knows status codes, arguments, exit codes |
//! | [`app`] | the composition root: the only place that names adapters |
//!
//! Dependencies point downwards only; a test reads every `use crate::` line and holds it against
//! that. Adapters never see each other. State changes only in [`service`], by one `Store` call;
//! no forge call happens inside a database transaction.
//!
//! # The road of everything
//!
//! A webhook is verified, stored and answered, and nothing else is done there. A worker claims it,
//! keeps what it says and wakes the pull request. A look at a pull request reads the truth from the
//! forge, asks [`domain::decide`] where the case goes next, and writes the new state together with
//! the effects that follow. Effects are performed by their keys, once in effect. The walk of one
//! webhook stands in `docs/architecture.md`.
//!
//! # Glossary
//!
//! - **Delivery**: a raw webhook, verified and stored.
//! - **Event**: what a delivery means, in words of no forge in particular.
//! - **Evidence**: what was read from a failed run; a **Failure** is one fault in it, with a
//!   **Fingerprint** that stays the same across runs, machines and line shifts.
//! - **Case**: one thing to bring to green. **Attempt**: one try inside a case, at most three.
//! - **Stage**: a step of an attempt. **Document**: what a stage reads and writes; together the
//!   documents are the attempt's whole state, so that any machine can resume it.
//! - **Brief**: what a runner is given. **Outcome**: what it reports back: a patch and its proof, or
//!   why not.
//! - **Gate**: pure rules that decide. **Verdict**: allow, hold for a person, or refuse, with every
//!   reason.
//! - **Mending**: a pull request of our own that heals a broken base branch for all that wait for it.
//! - **Effect**: something to do outside, under a key that makes it happen once.
//! - **Fixer**: who changes code: a recipe or an agent. **Compute**: where attempts run. **Forge**:
//!   GitHub.
//! - **Ask**: what a person wants, by command or button.

pub mod app;
pub mod cli;
pub mod compute;
pub mod config;
pub mod documents;
pub mod domain;
pub mod evidence;
pub mod forge;
pub mod http;
pub mod models;
pub mod ports;
pub mod providers;
pub mod report;
pub mod runner;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod weakening;
