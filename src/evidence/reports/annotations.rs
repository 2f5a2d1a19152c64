//! GitHub's workflow commands, as a program prints them to have annotations: `::error file=…::…`.
//!
//! Only a text of nothing else is such a report; in a log the scan reads them.

use super::{Found, ReportFormat, draft, severity_of};
use crate::domain::failure::FailureKind;

/// The commands that a text of commands may hold.
const COMMANDS: [&str; 7] =
    ["::error", "::warning", "::notice", "::group", "::debug", "::add-mask", "::endgroup"];

/// Reads a text of commands; `None` when it is none.
pub(super) fn read(text: &str, found: &mut Found<'_>) -> Option<ReportFormat> {
    let is_command = |line: &str| COMMANDS.iter().any(|command| line.starts_with(command));
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let mut told = lines.by_ref().filter(|line| !line.is_empty()).peekable();
    if told.peek().is_none() || !told.all(is_command) {
        return None;
    }
    for (index, line) in text.lines().enumerate() {
        let Some((level, rest)) = level_of(line.trim()) else { continue };
        let Some((properties, message)) = rest.split_once("::") else { continue };
        let mut draft = draft(FailureKind::Unknown, "");
        draft.failure.severity = severity_of(level);
        draft.say(&unescaped(message));
        for property in properties.trim().split(',') {
            let Some((name, value)) = property.split_once('=') else { continue };
            let value = unescaped(value.trim());
            let failure = &mut draft.failure;
            let number = value.parse::<u32>().ok().filter(|number| *number > 0);
            match name.trim() {
                "file" => draft.path = Some(value),
                "line" => failure.line = number,
                "endLine" => failure.end_line = number,
                "col" => failure.column = number,
                "title" => failure.code = Some(value),
                _ => {}
            }
        }
        let end = draft.failure.end_line;
        draft.failure.end_line = end.filter(|end| Some(*end) > draft.failure.line);
        found.push(draft, index + 1);
    }
    Some(ReportFormat::Github)
}

fn level_of(line: &str) -> Option<(&'static str, &str)> {
    ["error", "warning", "notice"].into_iter().find_map(|level| {
        let rest = line.strip_prefix("::")?.strip_prefix(level)?;
        (rest.starts_with(' ') || rest.starts_with("::")).then_some((level, rest))
    })
}

/// The runner's five escapes.
fn unescaped(text: &str) -> String {
    let escapes = [("%0D", ""), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")];
    escapes.iter().fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

#[cfg(test)]
mod tests {
    use crate::evidence::reports::ReportFormat::Github;
    use crate::evidence::reports::tests::{check, check_log};

    #[test]
    fn commands_are_read_with_their_places() {
        check(
            Github,
            "::group::lint\n::warning file=b.c,line=1::hm\n::error file=src/a%2Cb.c,line=3,\
             endLine=4,col=2,title=Rule::bad%0Aand 100%25\n::endgroup::\n::error::no place\n",
            concat!(
                "unknown src/a,b.c:3:2 [Rule] bad\n",
                "unknown no place\n",
                "warning unknown b.c:1 hm",
            ),
        );
        check_log("hello\n::error::x\n");
        check_log("::group::build\nsrc/a.c:1:2: error: no\n::error::x\n");
    }
}
