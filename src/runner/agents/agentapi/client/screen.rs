//! Screens: what is new on one.

/// The lines of a screen from the first one on that is not as it was.
pub(super) fn fresh(old: &str, new: &str) -> String {
    let mut before = old.lines();
    let lines = new.lines().skip_while(|line| before.next() == Some(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &str, new: &str, expected: &str) {
        assert_eq!(fresh(old, new), expected, "{old:?} {new:?}");
    }

    #[test]
    fn of_a_screen_that_grows_what_is_new_is_told() {
        check("", "a\nb", "a\nb");
        check("a\nb", "a\nb", "");
        check("a\nb", "a\nb\nc", "c");
        check("a\n* working", "a\n- working", "- working");
        check("a\nb\nc", "a", "");
        check("a\nb", "x\nb", "x\nb");
    }
}
