//! Diffs for people and agents: made from the files that a patch names and the patch.

use std::time::Duration;

use similar::TextDiff;

use super::patch::Patch;
use super::pull::BaseFile;

/// Lines of context around a change, as `git diff` shows them.
const CONTEXT_LINES: usize = 3;

/// How long the fewest changes between two texts are looked for; what is found then is still a way from
/// one to the other. Texts that differ so much are larger than any patch may be.
const COMPARE_MS: u64 = 500;

/// Two texts, compared line by line in a bounded time.
pub fn by_lines<'t>(old: &'t str, new: &'t str) -> TextDiff<'t, 't, str> {
    TextDiff::configure().timeout(Duration::from_millis(COMPARE_MS)).diff_lines(old, new)
}

/// A unified diff of a patch against the files that it names; binary files are only named.
pub fn unified(patch: &Patch, base: &[BaseFile]) -> String {
    let mut out = String::new();
    for change in patch.changes() {
        let old = base.iter().find(|file| file.path == change.path);
        let old_name = old.map_or("/dev/null".to_owned(), |_| format!("a/{}", change.path));
        let new_name = match change.new {
            Some(_) => format!("b/{}", change.path),
            None => "/dev/null".to_owned(),
        };
        let old_text = old.map_or(Some(""), |file| file.text.as_deref());
        let new_text = change.new.as_ref().map_or(Some(""), |file| file.content.text());
        match (old_text, new_text) {
            (Some(before), Some(after)) => {
                let diff = by_lines(before, after);
                let mut unified = diff.unified_diff();
                let shown = unified.context_radius(CONTEXT_LINES).header(&old_name, &new_name);
                out.push_str(&shown.to_string());
            }
            _ => out.push_str(&format!("Binary files {old_name} and {new_name} differ\n")),
        }
    }
    out
}
