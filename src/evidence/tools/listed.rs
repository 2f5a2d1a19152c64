//! Bare lists of files: a formatter that prints the name of each file it would change, and no more.
//!
//! A bare path alone says nothing, so a list is one only below the command that prints it: directly,
//! or below the echo of a step's script.

use super::At;

/// The longest list that is looked through; of a longer one the end is not read.
const LISTED_LINES_MAX: usize = 100;

/// The longest echo between a script and its output: its shell and its environment.
const ECHO_LINES_MAX: usize = 40;

/// Whether a line is the path of a file with an ending, and nothing else.
pub(super) fn is_bare_path(line: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./@+-()[]\\".contains(c);
    let is_ending =
        |ending: &str| !ending.is_empty() && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    let ending = line.rsplit_once('.').map(|(_, ending)| ending);
    !line.starts_with(['-', '+']) && line.chars().all(is_plain) && ending.is_some_and(is_ending)
}

/// Whether a command with all these words printed the list that a line stands in.
pub(super) fn is_listed_by(at: &At<'_>, words: &[&str]) -> bool {
    let above = at.lines_above(LISTED_LINES_MAX + ECHO_LINES_MAX).map(|(_, line)| line);
    let mut above = above.skip_while(|line| is_bare_path(line)).take(ECHO_LINES_MAX);
    let is_command = |line: &str| words.iter().all(|word| line.contains(word));
    above.find(|line| is_command(line) || !is_echo(line)).is_some_and(is_command)
}

/// Whether a line may stand between a script and its output.
fn is_echo(line: &str) -> bool {
    line.trim().is_empty()
        || line.starts_with("shell: ")
        || line == "env:"
        || line.starts_with("  ")
}

/// The files that a command lists directly below itself, each with its distance.
pub(super) fn listed_below<'f>(at: &At<'f>) -> impl Iterator<Item = (usize, &'f str)> {
    let below = at.lines_below(LISTED_LINES_MAX);
    let below = below.skip_while(|(_, line)| line.trim().is_empty());
    below.take_while(|(_, line)| is_bare_path(line))
}
