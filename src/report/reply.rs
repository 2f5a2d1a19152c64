//! Replies to commands.

use super::Story;
use super::markdown::{code, within, words};
use super::sayings::saying;
use super::sections;
use crate::domain::ask::{Ask, AskKind};
use crate::domain::command::COMMANDS;
use crate::domain::decide::Answer;
use crate::domain::pull::Permission;
use crate::domain::view::COMMENT_CHARS_MAX;

/// The reply to a command; `None` when a reaction says it all.
pub fn reply(ask: &Ask, answer: &Answer, story: Option<&Story<'_>>) -> Option<String> {
    let text = match answer {
        Answer::Done => return None,
        Answer::Refused(why) => {
            let hint = if ask.kind == AskKind::Unknown { help() } else { String::new() };
            format!("{}: {}.\n\n{hint}", code(&ask.text), words(why))
        }
        Answer::Show => match (ask.kind, story) {
            (AskKind::Help, _) => help(),
            (AskKind::Explain, Some(story)) => explain(story),
            (_, Some(story)) => status(story),
            (_, None) => "Nothing is being healed on this pull request: CI is not red, or has \
                          not been seen to be.\n"
                .to_owned(),
        },
    };
    Some(within(text, COMMENT_CHARS_MAX))
}

fn status(story: &Story<'_>) -> String {
    let said = saying(story);
    format!("**{}**\n\n{}\n\n{}", words(&said.title), said.happened, sections::attempts(story))
}

fn explain(story: &Story<'_>) -> String {
    format!(
        "{}{}{}{}",
        status(story),
        sections::reasons(story.before),
        sections::what_failed(story.evidence),
        sections::excerpt(story.evidence)
    )
}

/// What can be asked.
pub fn help() -> String {
    let mut out = String::from("| command | who | what it does |\n| --- | --- | --- |\n");
    for command in COMMANDS {
        let who = match command.permission {
            Permission::None | Permission::Read => "anybody who can read",
            Permission::Write => "write access",
            Permission::Admin => "administrators",
        };
        out.push_str(&format!("| `/selfheal {}` | {who} | {} |\n", command.name, command.help));
    }
    out.push_str("\n`/heal` means the same. A command stands at the beginning of a line.\n");
    out
}
