//! selfheal.

pub mod domain;
