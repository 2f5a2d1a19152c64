//! Where attempts run. One file per place; each implements the `Compute` port.

pub mod actions;
