//! The one integration binary: everything that needs more than one module or the real world.
//!
//! Pure code is tested beside itself; what is promised to people is tested here.

#[cfg(test)]
mod agents;
#[cfg(test)]
mod causes;
#[cfg(test)]
mod commands_line;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fuzzing;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod live;
#[cfg(test)]
mod operators;
#[cfg(test)]
mod outputs;
#[cfg(test)]
mod parsing;
#[cfg(test)]
mod payloads;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod report_action;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod runner;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod store;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod weakening;
