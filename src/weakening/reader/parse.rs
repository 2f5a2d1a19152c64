//! From a text to a tree that can be trusted, within limits; a text that was made to be slow is
//! none.

use tree_sitter::Parser;

use super::{Language, Reader};
use crate::weakening::model::Reading;

/// The longest file that is read by syntax. A test file beyond it was not written by hand.
pub const FILE_BYTES_MAX: usize = 512 * 1024;

/// How often the parser may report progress (every hundred steps) for each kilobyte, and at least:
/// ten times what ordinary code needs. Beyond that the text was made to be slow.
const PROGRESS_PER_KILOBYTE: usize = 400;
const PROGRESS_MIN: usize = 4_000;

/// Reads a text by its syntax; `None` when it cannot be trusted to say what the file says.
pub fn read(language: &Language, source: &str) -> Option<Reading> {
    if source.len() > FILE_BYTES_MAX {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&(language.grammar)()).ok()?;
    let mut left = PROGRESS_MIN + source.len() / 1024 * PROGRESS_PER_KILOBYTE;
    let mut progress = |_: &tree_sitter::ParseState| {
        left = left.saturating_sub(1);
        if left == 0 {
            std::ops::ControlFlow::Break(())
        } else {
            std::ops::ControlFlow::Continue(())
        }
    };
    let bytes = source.as_bytes();
    let tree = parser.parse_with_options(
        &mut |at, _| bytes.get(at..).unwrap_or_default(),
        None,
        Some(tree_sitter::ParseOptions::new().progress_callback(&mut progress)),
    )?;
    if tree.root_node().has_error() {
        return None;
    }
    let reader = Reader::new(source).walk(language, tree.root_node());
    (!reader.is_beyond_limits()).then_some(reader.reading)
}
