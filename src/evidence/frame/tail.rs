//! The last words of a failed step: how the tool summed up, and what the shell made of it.

use super::super::lines::{Lines, Place};
use super::Window;

/// How many of a failed step's last lines are kept: how a tool sums up, and what the shell says.
const TAIL_LINES: usize = 30;

/// A step that says no more than this is shown with its script.
const QUIET_LINES: usize = 12;

/// How many lines are kept after the one on which the CI system gave up.
const AFTERWORDS: usize = 3;

/// How much of all steps' last lines is kept.
const TAILS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Keeps the last lines of a window, to a little after the one on which the CI system gave up.
pub(super) fn keep(window: &mut Window, lines: Lines<'_>, last: Place, kept_bytes: &mut usize) {
    window.tail.clear();
    // Where a step says little, what it ran says more.
    let told = last.index.saturating_sub(window.output);
    let first = if told < QUIET_LINES { window.first } else { window.output };
    let mut end = last;
    while let Some(place) = lines.below(end).filter(|place| place.index <= last.index + AFTERWORDS)
        && !lines.clean(place).mark.is_fold()
    {
        end = place;
    }
    let mut next = Some(end);
    while let Some(place) = next.filter(|place| place.index >= first)
        && window.tail.len() < TAIL_LINES
        && *kept_bytes < TAILS_BYTES_MAX
    {
        let text = lines.clean(place).text;
        *kept_bytes += text.len();
        window.tail.push((place.index, text.into()));
        next = lines.above(place);
    }
    window.tail.reverse();
}
