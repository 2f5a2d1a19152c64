//! What agents are told of the paths that they should leave alone, in the form of each.
//!
//! This saves wasted work and nothing else: the gate judges the difference, whoever made it.

use serde_json::{Value, json};

/// The most patterns that are passed on.
const PATTERNS_MAX: usize = 200;

/// Claude Code's settings: which edits it refuses by itself.
pub(super) fn claude_code(protected: &[String]) -> Value {
    let deny: Vec<String> = protected
        .iter()
        .take(PATTERNS_MAX)
        .filter(|pattern| !pattern.contains(['(', ')', '\n']))
        .map(|pattern| format!("Edit({})", pattern.trim_start_matches('/')))
        .collect();
    json!({ "permissions": { "deny": deny } })
}
