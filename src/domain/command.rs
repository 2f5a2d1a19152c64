//! Slash commands and buttons: one table gives parser, permission, help and documentation.
//!
//! Adding a command is one row in [`COMMANDS`] and the decision about its [`AskKind`].

use super::ask::AskKind;
use super::feedback::ANSWER_CHARS_MAX;
use super::pull::Permission;

/// A command that people can give.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// What is wanted.
    pub kind: AskKind,
    /// The word after `/selfheal`.
    pub name: &'static str,
    /// What somebody must be allowed to do in the repository to give it.
    pub permission: Permission,
    /// What it does, one sentence, for help and documentation.
    pub help: &'static str,
    /// The button that means the same, when there is one: label and description.
    pub button: Option<(&'static str, &'static str)>,
}

/// Every command.
pub const COMMANDS: &[Command] = &[
    Command {
        kind: AskKind::Fix,
        name: "fix",
        permission: Permission::Write,
        help: "Look at this pull request now and heal it, also when it is a draft.",
        button: None,
    },
    Command {
        kind: AskKind::Retry,
        name: "retry",
        permission: Permission::Write,
        help: "Make another attempt, within the cap of the case.",
        button: Some(("Retry", "Make another attempt")),
    },
    Command {
        kind: AskKind::Stop,
        name: "stop",
        permission: Permission::Write,
        help: "Hands off this pull request: ends the attempt and starts no other.",
        button: Some(("Stop", "Hands off this pull request")),
    },
    Command {
        kind: AskKind::Resume,
        name: "resume",
        permission: Permission::Write,
        help: "Take a stop back.",
        button: Some(("Resume", "Take the stop back")),
    },
    Command {
        kind: AskKind::Undo,
        name: "undo",
        permission: Permission::Write,
        help: "Take selfheal's commits on this pull request back, exactly those, and stop.",
        button: Some(("Undo", "Take selfheal's commits back and stop")),
    },
    Command {
        kind: AskKind::Status,
        name: "status",
        permission: Permission::Read,
        help: "Say where things stand.",
        button: None,
    },
    Command {
        kind: AskKind::Explain,
        name: "explain",
        permission: Permission::Read,
        help: "Say what was read, what was decided and why.",
        button: None,
    },
    Command {
        kind: AskKind::Approve,
        name: "approve",
        permission: Permission::Write,
        help: "Commit the patch that waits for a person's word.",
        button: Some(("Approve", "Commit the patch that waits")),
    },
    Command {
        kind: AskKind::Reject,
        name: "reject",
        permission: Permission::Write,
        help: "Throw away the patch that waits for a person's word.",
        button: Some(("Reject", "Throw the patch away")),
    },
    Command {
        kind: AskKind::Answer,
        name: "answer",
        permission: Permission::Write,
        help: "Answer the questions of an attempt: `/selfheal answer 1: … 2: …`, on one line or on \
               several.",
        button: None,
    },
    Command {
        kind: AskKind::Help,
        name: "help",
        permission: Permission::Read,
        help: "Say what can be asked.",
        button: None,
    },
];

/// Words that begin a command.
const PREFIXES: [&str; 2] = ["/selfheal", "/heal"];

/// How much of a command line is kept, for answers that quote it.
pub const COMMAND_CHARS_MAX: usize = 120;

/// How many commands one comment may give; the rest is not read.
pub const COMMANDS_PER_COMMENT_MAX: usize = 5;

/// A command found in a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// What is wanted.
    pub kind: AskKind,
    /// The line, bounded; of an answer all that follows the command, up to the next one.
    pub text: String,
}

/// The commands that a comment gives, in order.
///
/// A command stands at the beginning of a line. Lines in code fences and quotations do not count:
/// there a command is being talked about, not given; in an answer they are part of it. A bare
/// `/selfheal` asks for help.
pub fn commands_in(body: &str) -> Vec<Given> {
    let mut fence: Option<&str> = None;
    let mut found: Vec<Given> = Vec::new();
    for line in body.lines() {
        let trimmed = line.trim();
        let marker = ["```", "~~~"].into_iter().find(|m| trimmed.starts_with(m));
        let given = match (fence, marker) {
            (Some(open), Some(close)) if open == close => {
                fence = None;
                None
            }
            (None, Some(open)) => {
                fence = Some(open);
                None
            }
            (Some(_), _) => None,
            (None, None) => command_on(line),
        };
        match given {
            Some(_) if found.len() == COMMANDS_PER_COMMENT_MAX => break,
            Some(given) => found.push(given),
            None => {
                let answer = found.last_mut().filter(|last| last.kind == AskKind::Answer);
                if let Some(answer) = answer {
                    push_line(&mut answer.text, line);
                }
            }
        }
    }
    found
}

/// Adds a line to an answer, as far as one may be.
fn push_line(answer: &mut String, line: &str) {
    let room = ANSWER_CHARS_MAX.saturating_sub(answer.chars().count());
    answer.extend(std::iter::once('\n').chain(line.chars()).take(room));
}

fn command_on(line: &str) -> Option<Given> {
    if line.starts_with("    ") || line.starts_with('\t') {
        return None; // an indented code block
    }
    let mut words = line.split_whitespace();
    let first = words.next()?.to_ascii_lowercase();
    if !PREFIXES.contains(&first.as_str()) {
        return None;
    }
    let kind = match words.next().map(str::to_ascii_lowercase) {
        None => AskKind::Help,
        Some(word) => by_name(&word).map_or(AskKind::Unknown, |command| command.kind),
    };
    let text = match kind {
        AskKind::Answer => answer_on(line).chars().take(ANSWER_CHARS_MAX).collect(),
        _ => line.trim().chars().take(COMMAND_CHARS_MAX).collect(),
    };
    Some(Given { kind, text })
}

/// What follows the two words of a command.
fn answer_on(line: &str) -> &str {
    let after = |text: &'_ str| text.find(char::is_whitespace).unwrap_or(text.len());
    let line = line.trim();
    let rest = line[after(line)..].trim_start();
    rest[after(rest)..].trim_start()
}

/// The command of that name.
pub fn by_name(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// What somebody must be allowed to do to ask this.
pub fn permission_for(kind: AskKind) -> Permission {
    COMMANDS
        .iter()
        .find(|command| command.kind == kind)
        .map_or(Permission::Read, |command| command.permission)
}

/// What a pressed button asks for; `None` for a button that is not ours.
pub fn by_button(identifier: &str) -> Option<AskKind> {
    COMMANDS
        .iter()
        .find(|command| command.button.is_some() && command.name == identifier)
        .map(|command| command.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: &[AskKind]) {
        let kinds: Vec<AskKind> = commands_in(body).into_iter().map(|given| given.kind).collect();
        assert_eq!(kinds, expected, "{body:?}");
    }

    #[test]
    fn a_command_is_a_line_of_its_own() {
        check("/selfheal fix", &[AskKind::Fix]);
        check("/heal stop please", &[AskKind::Stop]);
        check("  /SelfHeal   RETRY", &[AskKind::Retry]);
        check("Thanks!\r\n/selfheal approve\r\n", &[AskKind::Approve]);
        check("/selfheal", &[AskKind::Help]);
        check("/selfheal dance", &[AskKind::Unknown]);
        check("please /selfheal fix", &[]);
        check("/selfhealing fix", &[]);
        check("/selfheal stop\n/selfheal status", &[AskKind::Stop, AskKind::Status]);
    }

    #[test]
    fn a_command_that_is_only_talked_about_is_not_given() {
        check("> /selfheal fix", &[]);
        check("```\n/selfheal fix\n```", &[]);
        check("~~~\n/selfheal fix\n```\n/selfheal stop\n~~~", &[]);
        check("```\n/selfheal fix\n```\n/selfheal stop", &[AskKind::Stop]);
        check("    /selfheal fix", &[]);
        check("<!-- /selfheal fix -->", &[]);
    }

    #[test]
    fn a_comment_gives_a_bounded_number_of_commands() {
        check(&"/selfheal fix\n".repeat(50), &[AskKind::Fix; COMMANDS_PER_COMMENT_MAX]);
        let long = format!("/selfheal fix {}", "x".repeat(5000));
        assert_eq!(commands_in(&long)[0].text.chars().count(), COMMAND_CHARS_MAX);
    }

    #[track_caller]
    fn answers(body: &str, expected: &str) {
        let given = commands_in(body);
        assert_eq!(given[0].kind, AskKind::Answer, "{body:?}");
        assert_eq!(given[0].text, expected, "{body:?}");
    }

    #[test]
    fn an_answer_goes_on_to_the_next_command() {
        answers("/selfheal answer 1: yes 2: no", "1: yes 2: no");
        answers("/selfheal answer\n1: yes\n2: no", "\n1: yes\n2: no");
        answers("/selfheal answer use\n```\nfoo()\n```\n", "use\n```\nfoo()\n```");
        answers("/selfheal answer yes\n/selfheal status", "yes");
        let long = format!("/selfheal answer {}\n{}", "x".repeat(3_000), "y".repeat(5_000));
        assert_eq!(commands_in(&long)[0].text.chars().count(), ANSWER_CHARS_MAX);
    }

    #[test]
    fn buttons_fit_into_what_the_forge_shows() {
        for command in COMMANDS {
            if let Some((label, description)) = command.button {
                assert!(label.len() <= 20 && description.len() <= 40 && command.name.len() <= 20);
                assert_eq!(by_button(command.name), Some(command.kind));
            }
        }
        assert_eq!(by_button("help"), None);
    }
}
