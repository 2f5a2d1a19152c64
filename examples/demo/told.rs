//! What the demo prints: chapters, text that somebody else wrote, and nothing else.

use std::io::{IsTerminal as _, Write as _};

/// A line of our own.
pub(crate) fn say(text: &str) {
    // A reader that has gone away is not our trouble.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The title of a chapter.
pub(crate) fn chapter(title: &str) {
    if std::io::stdout().is_terminal() {
        say(&format!("\n\u{1b}[1m== {title}\u{1b}[0m\n"));
    } else {
        say(&format!("\n== {title}\n"));
    }
}

/// Text of somebody else, indented; control characters cannot do anything.
pub(crate) fn quote(text: &str) {
    for line in text.trim_end().lines() {
        let line: String = line.chars().filter(|c| !c.is_control() || *c == '\t').collect();
        say(&format!("    {line}"));
    }
}

/// A log without its times and colours: from the first line that holds `from`.
pub(crate) fn log_from(log: &str, from: &str) -> String {
    let plain = log.lines().map(|line| {
        let line = line.trim_start_matches('\u{feff}');
        line.split_once("Z ").map_or(line, |(_, said)| said)
    });
    let plain = plain.map(|line| line.replace("\u{1b}[36;1m", "").replace("\u{1b}[0m", ""));
    let after: Vec<String> = plain.skip_while(|line| !line.contains(from)).collect();
    after.join("\n")
}
