//! The one place that prints.
//!
//! Lines for people go to standard output, errors to standard error. A closed pipe is not our
//! trouble: what cannot be shown is dropped. Lines are flushed at once, so that they stand in the
//! right order between the output of the programs that we start.

use std::io::{self, Write};
use std::time::Duration;

/// Print one line.
pub(crate) fn line(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// Print one line to standard error.
pub(crate) fn error(text: &str) {
    let mut out = io::stderr().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// A duration as a person says it: `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) fn duration(spent: Duration) -> String {
    let secs = spent.as_secs();
    match secs {
        0..10 => format!("{:.1} s", spent.as_secs_f64()),
        10..60 => format!("{secs} s"),
        _ => format!("{} min {:02} s", secs / 60, secs % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        check(440, "0.4 s");
        check(9_960, "10.0 s");
        check(12_700, "12 s");
        check(60_000, "1 min 00 s");
        check(185_400, "3 min 05 s");
    }

    #[track_caller]
    fn check(millis: u64, expected: &str) {
        assert_eq!(duration(Duration::from_millis(millis)), expected);
    }
}
