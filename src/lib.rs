//! selfheal.

pub mod domain;
pub mod ports;
pub mod report;
