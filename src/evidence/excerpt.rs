//! The excerpt: the lines that matter, for people and prompts.
//!
//! Cause first, then the other failures in their order, each with a little context, numbered as in
//! the raw log, within a byte budget. The invariant: what leaves here is redacted and harmless, and
//! never longer than asked.

use std::fmt::Write as _;

use super::Reading;
use super::redact::harmless;
use super::text::{Text, floor};

/// Lines shown before a failure's first.
const BEFORE_LINES: usize = 2;

/// Lines shown after a failure's last.
const AFTER_LINES: usize = 6;

/// The longest line shown: bundles are minified, people's lines are not.
const SHOWN_BYTES_MAX: usize = 400;

/// The most lines shown of one failure: a panic's backtrace says little past that.
const FAILURE_LINES_MAX: usize = 40;

/// The most failures shown; the budget usually ends before.
const SHOWN_FAILURES_MAX: usize = 40;

/// Builds the excerpt of a reading of `log` in at most `bytes_max` bytes.
pub(super) fn excerpt(reading: &Reading, log: &[u8], bytes_max: usize) -> String {
    let text = Text::of(log);
    let mut shown = vec![false; text.lines.len()];
    let mut out = String::new();
    for failure in reading.failures.iter().take(SHOWN_FAILURES_MAX) {
        let first = (failure.source.first_line as usize).saturating_sub(1);
        let last = (failure.source.last_line as usize).clamp(first, first + FAILURE_LINES_MAX);
        let from = first.saturating_sub(BEFORE_LINES);
        let to = (last + AFTER_LINES).min(text.lines.len());
        let mut block = String::new();
        for (index, shown) in shown.iter_mut().enumerate().take(to).skip(from) {
            if !std::mem::replace(shown, true) {
                let _ = writeln!(block, "{:>6} {}", index + 1, text.line(index));
            }
        }
        if block.is_empty() {
            continue;
        }
        // A secret may span lines and be longer than what is shown, so it goes before the cut.
        let block = harmless(&reading.redactor.redact(&block));
        let block: String =
            block.lines().flat_map(|line| [floor(line, SHOWN_BYTES_MAX), "\n"]).collect();
        let gap = if out.is_empty() { "" } else { "   …\n" };
        if out.len() + gap.len() + block.len() > bytes_max {
            if out.is_empty() {
                out.push_str(floor(&block, bytes_max));
            }
            break;
        }
        out.push_str(gap);
        out.push_str(&block);
    }
    out
}
