//! selfheal.

pub mod domain;
pub mod evidence;
pub mod ports;
pub mod report;
