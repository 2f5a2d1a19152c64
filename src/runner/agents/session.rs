//! Sessions of agents as files: taken out of one home while the agent works, put into another.
//!
//! Which files these are says the agent's own file ([`Agent::keeps`]); their names hold nothing that
//! a stranger chose but the session's name, which is letters and digits. Both sides are strange: the
//! home belongs to the agent, who may put a link or a pipe anywhere, and what comes back from the
//! server was some machine's before. So files are opened without following links, sizes are bounded
//! packed and unpacked, and what cannot be had costs the session and not the turn.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use super::Agent;
use crate::domain::checkpoint::{SESSION_BYTES_MAX, Session};
use crate::domain::patch::Content;
use crate::runner::beneath;

/// The most bytes of a session's files together, unpacked: sixteen hours of an agent at work.
const UNPACKED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// zstd's quickest level: what is packed is text, and is packed again a few seconds later.
const LEVEL: i32 = 1;

/// As much of each file as tells that it was begun anew while it was read.
const HEAD_BYTES: usize = 4096;

/// A file below an agent's home that holds a part of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Where the agent has it; `*` stands for any part of a name.
    pub at: String,
    /// Where it is put in another home.
    pub back: String,
}

impl Kept {
    /// A file that has one place.
    pub(super) fn in_place(at: &str) -> Self {
        Self { at: at.to_owned(), back: at.to_owned() }
    }
}

/// Takes a session out of a home; `None` when the agent keeps none, or one too large to carry.
///
/// # Errors
/// When its first file cannot be read, or was begun anew meanwhile: another time it may go well.
pub(super) fn taken(agent: &dyn Agent, home: &Path, id: &str) -> io::Result<Option<Session>> {
    let kept = if Session::is_name(id) { agent.keeps(id, "") } else { Vec::new() };
    if kept.is_empty() {
        return Ok(None);
    }
    let mut places = Vec::with_capacity(kept.len());
    for file in &kept {
        places.push(beneath::find(home, &file.at)?);
    }
    if places.first().is_none_or(Option::is_none) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let heads = || -> io::Result<Vec<Vec<u8>>> {
        let head = |place: &String| {
            let mut head = beneath::read(home, place, HEAD_BYTES)?;
            head.truncate(HEAD_BYTES);
            Ok(head)
        };
        places.iter().flatten().map(head).collect()
    };
    let before = heads()?;
    let (mut files, mut room) = (Vec::with_capacity(places.len()), UNPACKED_BYTES_MAX);
    for place in &places {
        let Some(place) = place else {
            files.push(Content::new(Vec::new()));
            continue;
        };
        let text = beneath::read(home, place, room)?;
        let Some(left) = room.checked_sub(text.len()) else { return Ok(None) };
        room = left;
        files.push(Content::new(zstd::bulk::compress(&text, LEVEL)?));
    }
    // A file that grows keeps its beginning; a log of a database that was begun anew does not.
    let is_same = |(before, after): (&Vec<u8>, &Vec<u8>)| after.starts_with(before);
    if !before.iter().zip(&heads()?).all(is_same) {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    let packed: usize = files.iter().map(|file| file.bytes().len()).sum();
    Ok((packed <= SESSION_BYTES_MAX).then(|| Session { id: id.to_owned(), files }))
}

/// Puts a session into a new home; whether there is one now that the agent can go on with.
///
/// # Errors
/// When a file cannot be unpacked or written.
pub(super) fn put_back(
    agent: &dyn Agent,
    home: &Path,
    session: &Session,
    workspace: &str,
) -> io::Result<bool> {
    if !Session::is_name(&session.id) {
        return Ok(false);
    }
    let kept = agent.keeps(&session.id, workspace);
    if kept.is_empty() || session.files.len() != kept.len() {
        return Ok(false);
    }
    let mut room = UNPACKED_BYTES_MAX;
    for (file, packed) in kept.iter().zip(&session.files) {
        if packed.bytes().is_empty() {
            continue;
        }
        let text = unpacked(packed.bytes(), room)?;
        room -= text.len();
        let place = home.join(&file.back);
        if let Some(above) = place.parent() {
            fs::create_dir_all(above)?;
        }
        fs::write(place, text)?;
    }
    Ok(session.files.first().is_some_and(|first| !first.bytes().is_empty()))
}

/// Unpacks no more than there is room for.
fn unpacked(packed: &[u8], room: usize) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let bytes = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
    zstd::stream::read::Decoder::new(packed)?.take(bytes).read_to_end(&mut text)?;
    if text.len() > room { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::domain::agent::AgentName;
    use crate::runner::agents::known;

    const ID: &str = "01a200af-d6de-7ea3-9b98-6fc37439e41d";

    /// Where each agent puts its session in a home of its own.
    const AT: [(AgentName, &[&str]); 4] = [
        (
            AgentName::ClaudeCode,
            &[".claude/projects/-workspace/01a200af-d6de-7ea3-9b98-6fc37439e41d.jsonl"],
        ),
        (
            AgentName::Codex,
            &[".codex/sessions/2026/11/22/rollout-2026-11-22T00-37-33-01a200af-d6de-7ea3-9b98-\
               6fc37439e41d.jsonl"],
        ),
        (
            AgentName::Opencode,
            &[".local/share/opencode/opencode.db", ".local/share/opencode/opencode.db-wal"],
        ),
        (
            AgentName::GeminiCli,
            &[".gemini/tmp/workspace/chats/session-2026-11-22T00-38-01a200af.jsonl"],
        ),
    ];

    fn home_with(paths: &[&str]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for path in paths {
            let place = home.path().join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, format!("what stands in {path}\n")).unwrap();
        }
        home
    }

    #[test]
    fn what_was_taken_out_of_one_home_is_found_in_the_next() {
        for (name, paths) in AT {
            let agent = known(name);
            let home = home_with(paths);
            let session = taken(agent.as_ref(), home.path(), ID).unwrap().unwrap();
            assert_eq!(session.files.len(), paths.len(), "{name:?}");
            let next = tempfile::tempdir().unwrap();
            assert!(put_back(agent.as_ref(), next.path(), &session, "/workspace").unwrap());
            let again = taken(agent.as_ref(), next.path(), ID).unwrap().unwrap();
            assert_eq!(again, session, "{name:?}");
        }
    }

    #[test]
    fn an_agent_without_sessions_keeps_none() {
        let home = home_with(&["selfheal-message.md"]);
        assert_eq!(taken(known(AgentName::Aider).as_ref(), home.path(), ID).unwrap(), None);
    }

    #[test]
    fn a_link_in_a_sessions_place_is_not_followed() {
        let (name, paths) = AT[0];
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join(paths[0]);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        symlink("/etc/passwd", &place).unwrap();
        taken(known(name).as_ref(), home.path(), ID).unwrap_err();
    }

    #[test]
    fn a_session_that_nobody_could_have_taken_is_not_put_back() {
        let home = tempfile::tempdir().unwrap();
        let agent = known(AgentName::ClaudeCode);
        let packed = |text: &[u8]| Content::new(zstd::bulk::compress(text, LEVEL).unwrap());
        let put = |id: &str, files: Vec<Content>| {
            let session = Session { id: id.to_owned(), files };
            put_back(agent.as_ref(), home.path(), &session, "/workspace").unwrap_or(false)
        };
        for id in ["../../escaped", "/etc/x", "", "a/b"] {
            assert!(!put(id, vec![packed(b"x")]), "{id}");
        }
        assert!(!put(ID, vec![packed(b"x"), packed(b"y")]), "more files than it has");
        assert!(!put(ID, vec![Content::new("no zstd")]));
        assert!(!put(ID, vec![packed(&vec![0; UNPACKED_BYTES_MAX + 1])]), "it grows too large");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing was written");
        assert!(put(ID, vec![packed(b"x")]));
    }
}
