//! An error with everything behind it, on one line: what a log line needs to say why.
//!
//! Logs in JSON keep of an error only its own words; the cause that an operator looks for stands behind
//! it. The invariant: nothing that an error already says is said again.

use std::error::Error;
use std::fmt;

/// How many causes are followed.
const CAUSES_MAX: usize = 16;

/// An error and its causes, the outermost first, with colons between them.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'e>(pub &'e (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut next = self.0.source();
        for _ in 0..CAUSES_MAX {
            let Some(cause) = next else { break };
            let words = cause.to_string();
            if !said.contains(&words) {
                write!(f, ": {words}")?;
                said = words;
            }
            next = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Trouble {
        #[error("the store is not available")]
        Store(#[source] Box<Trouble>),
        #[error("the page was not written: {0}")]
        Page(#[source] std::io::Error),
    }

    #[test]
    fn every_cause_is_told_once() {
        let full = std::io::Error::other("no space left");
        let trouble = Trouble::Store(Box::new(Trouble::Page(full)));
        let told = "the store is not available: the page was not written: no space left";
        assert_eq!(Chain(&trouble).to_string(), told);
    }
}
