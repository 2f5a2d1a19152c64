//! Characters that nobody sees, or that turn the order of a line around: with them a text says to a
//! machine what no person has read. One list for all who show, quote, commit or judge hostile text.

/// Whether a character has no width of its own or changes the direction of others; controls are not
/// among them (`char::is_control`).
///
/// After Unicode's default-ignorable code points (`DerivedCoreProperties.txt`), without the selectors
/// of variants that emoji need, and with the separators of lines and paragraphs.
pub const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The same without those that people's writing and names of files need: joiners, and selectors of
/// variants of ideographs.
pub const fn is_hiding(c: char) -> bool {
    is_invisible(c) && !matches!(c, '\u{200c}' | '\u{200d}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_is_told_from_what_is_written() {
        for c in
            ['\u{200b}', '\u{202e}', '\u{2066}', '\u{e0041}', '\u{feff}', '\u{61c}', '\u{3164}']
        {
            assert!(is_invisible(c) && is_hiding(c), "{c:?}");
        }
        for c in ['a', ' ', '\n', 'é', '\u{fe0f}', '\u{a0}', '😀'] {
            assert!(!is_invisible(c) && !is_hiding(c), "{c:?}");
        }
        assert!(is_invisible('\u{200d}') && !is_hiding('\u{200d}'));
    }
}
