//! selfheal.

pub mod app;
pub mod cli;
pub mod compute;
pub mod config;
pub mod domain;
pub mod evidence;
pub mod forge;
pub mod http;
pub mod ports;
pub mod report;
pub mod runner;
pub mod service;
pub mod store;
pub mod telemetry;
