//! Stub while the reader is being written.
use crate::domain::failure::Failure;
#[derive(Debug, Default)]
/// x
pub struct Hints<'a> {
    /// x
    pub failed_steps: Vec<String>,
    /// x
    pub known_secrets: Vec<&'a str>,
}
#[derive(Debug, Default)]
/// x
pub struct Reading {
    /// x
    pub failures: Vec<Failure>,
    /// x
    pub notes: Vec<String>,
    /// x
    pub commands: Vec<String>,
}
impl Reading {
    /// x
    pub fn excerpt(&self, _log: &[u8], _max: usize) -> String {
        String::new()
    }
}
/// x
pub fn read(_log: &[u8], _h: &Hints<'_>) -> Reading {
    Reading::default()
}
/// x
pub fn redact(text: &str, _known: &[&str]) -> String {
    text.to_owned()
}
