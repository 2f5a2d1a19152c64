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

use crate::domain::agent::Agent;
use crate::domain::checkpoint::{SESSION_BYTES_MAX, Session};
use crate::domain::patch::Content;
use crate::runner::beneath;

/// The most bytes of a session's files together, unpacked: sixteen hours of an agent at work.
pub const UNPACKED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// zstd's quickest level: what is packed is text, and is packed again a few seconds later.
const LEVEL: i32 = 1;

/// As much of each file as tells that it was begun anew while it was read.
const HEAD_BYTES: usize = 4096;

/// Takes a session out of a home; `None` when the agent keeps none, or one too large to carry.
///
/// # Errors
/// When its first file cannot be read, or was begun anew meanwhile: another time it may go well.
pub fn taken(agent: &dyn Agent, home: &Path, id: &str) -> io::Result<Option<Session>> {
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
pub fn put_back(
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
