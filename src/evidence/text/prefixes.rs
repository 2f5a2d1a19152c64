//! What CI systems put before a line: clocks, steps, sections.
//!
//! The invariant: what is taken off is a beginning of the line, and its first byte or two dismiss
//! every line that has no such prefix.

use super::Mark;

/// Takes off a clock and what stands with it: Jenkins' `12:00:00  `, `TeamCity`'s
/// `[12:00:00]W:\t [Step 1/3] `, whose step it returns, Buildkite's time without its escape.
pub(super) fn split_clock(raw: &str) -> (Option<&str>, &str) {
    let rest = match raw.as_bytes() {
        [b'0'..=b'9', ..] => jenkins(raw),
        [b'[', b'0'..=b'9', ..] => return teamcity(raw).unwrap_or((None, raw)),
        [b'_', b'b', ..] => buildkite(raw),
        _ => None,
    };
    (None, rest.unwrap_or(raw))
}

/// Whether a text begins with `12:00:00`.
fn is_clock(text: &str) -> bool {
    let shaped = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    };
    text.len() >= CLOCK.len() && text.as_bytes().iter().zip(CLOCK).all(shaped)
}

/// How a clock looks.
const CLOCK: &[u8] = b"00:00:00";

/// What stands behind `12:00:00  ` or `00:00:12.345  `.
fn jenkins(raw: &str) -> Option<&str> {
    let rest = is_clock(raw).then(|| &raw[CLOCK.len()..])?;
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    rest.strip_prefix("  ")
}

/// What stands behind `[12:00:00]W:\t [Step 1/3] `, and the step. The letter is the message's
/// weight; what is inside a block is indented further.
fn teamcity(raw: &str) -> Option<(Option<&str>, &str)> {
    let rest = raw[1..].get(..CLOCK.len()).filter(|clock| is_clock(clock))?;
    let rest = raw[1 + rest.len()..].strip_prefix(']')?;
    let text = match rest.as_bytes() {
        [b' ' | b'W' | b'E' | b'F' | b'i', b':', ..] => &rest[2..],
        // Other programs print a clock in brackets, too, and a blank or a colon behind it.
        [b' ' | b':', ..] | [] => return None,
        _ => rest,
    };
    let text = text.trim_start_matches('\t');
    let text = text.strip_prefix(' ').unwrap_or(text);
    let step = text.strip_prefix('[').filter(|step| step.starts_with("Step "));
    let step = step.and_then(|step| step.split_once(']'));
    Some(match step {
        Some((step, text)) => (Some(step), text.strip_prefix(' ').unwrap_or(text)),
        None => (None, text),
    })
}

/// What stands behind `_bk;t=1745322209921`, the bell included.
fn buildkite(raw: &str) -> Option<&str> {
    let rest = raw.strip_prefix("_bk;t=")?;
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    Some(rest.strip_prefix('\u{7}').unwrap_or(rest))
}

/// Takes off GitLab's section marks, of which several may stand in one line: what begins or ends,
/// and its heading, or its name where it has none.
pub(super) fn split_section(raw: &str) -> (Mark, &str) {
    let mut rest = raw.strip_prefix(CLEAR).unwrap_or(raw);
    let mut found = None;
    while let Some((mark, name, after)) = section_in(rest) {
        found = Some((mark, name));
        rest = after;
    }
    match found {
        Some((mark, name)) if rest.trim().is_empty() => (mark, name),
        Some((mark, _)) => (mark, rest),
        None => (Mark::None, raw),
    }
}

/// What GitLab clears the line with.
const CLEAR: &str = "\u{1b}[0K";

/// The mark at the beginning of a text, the section's name, and what follows.
fn section_in(text: &str) -> Option<(Mark, &str, &str)> {
    let rest = text.strip_prefix("section_")?;
    let (mark, rest) = match rest.strip_prefix("start:") {
        Some(rest) => (Mark::Begin, rest),
        None => (Mark::Close, rest.strip_prefix("end:")?),
    };
    let (stamp, rest) = rest.split_once(':')?;
    if stamp.is_empty() || !stamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let end = rest.find(['\r', '\u{1b}', '[']).unwrap_or(rest.len());
    let (name, mut rest) = rest.split_at(end);
    // Its options: `[collapsed=true]`.
    if let Some((_, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        rest = after;
    }
    rest = rest.strip_prefix('\r').unwrap_or(rest);
    while let Some(after) = rest.strip_prefix(CLEAR) {
        rest = after;
    }
    Some((mark, name, rest))
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;

    use super::super::clean;
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: (Mark, Option<&str>, &str)) {
        let space = Bump::new();
        let line = clean(raw.as_bytes(), &space);
        let step = line.columns.map(|(_, step)| step);
        assert_eq!((line.mark, step, line.text), expected, "{raw:?}");
    }

    #[test]
    fn clocks_are_taken_off() {
        let none = Mark::None;
        check("[2026-11-21T07:00:00.123Z] error: x", (none, None, "error: x"));
        check("[2026-11-21T07:00:00Z]   at x", (none, None, "  at x"));
        check("12:00:00  error: x", (none, None, "error: x"));
        check("00:00:12.345  error: x", (none, None, "error: x"));
        check("12:00:00 error: x", (none, None, "12:00:00 error: x"));
        check("[12:00:00] :\t [Step 1/3] error", (none, Some("Step 1/3"), "error"));
        check("[12:00:00]W:\t\t [Step 12/13]   at x", (none, Some("Step 12/13"), "  at x"));
        check("[12:00:00]i: Publishing", (none, None, "Publishing"));
        check("[12:00:00]##teamcity[x]", (none, None, "##teamcity[x]"));
        check("[12:00:00]: ▸ error", (none, None, "[12:00:00]: ▸ error"));
        check("\u{1b}_bk;t=1745322209921\u{7}error", (none, None, "error"));
        check("_bk;t=1745322209921\u{7}error", (none, None, "error"));
        check("\u{1b}_error \u{1b}[1mx\u{1b}[0m", (none, None, "error x"));
        check("\u{1b}[8mha:////4AA==\u{1b}[0m[Pipeline] sh", (none, None, "[Pipeline] sh"));
    }

    #[test]
    fn gitlab_s_sections_have_their_heading() {
        let clear = "\r\u{1b}[0K";
        let end = format!("section_end:1700000000:get_sources{clear}");
        check(&end, (Mark::Close, None, "get_sources"));
        let begin = format!("section_start:1700000001:step_script{clear}");
        check(&begin, (Mark::Begin, None, "step_script"));
        let heading = "\u{1b}[0K\u{1b}[36;1mExecuting\u{1b}[0;m";
        check(&format!("{end}{begin}{heading}"), (Mark::Begin, None, "Executing"));
        check(
            &format!("2026-08-07T06:03:50.123456Z 00O {end}{begin}{heading}"),
            (Mark::Begin, None, "Executing"),
        );
        check(
            &format!("\u{1b}[0Ksection_start:1700000001:mine[collapsed=true]{clear}My own"),
            (Mark::Begin, None, "My own"),
        );
        check("section_start:x:y", (Mark::None, None, "section_start:x:y"));
    }
}
