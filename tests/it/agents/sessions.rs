//! Sessions of agents as files: out of one home, into another.

use std::fs;
use std::os::unix::fs::symlink;

use selfheal::domain::agent::Agent;
use selfheal::domain::checkpoint::Session;
use selfheal::domain::patch::Content;
use selfheal::runner::agents::session::{UNPACKED_BYTES_MAX, put_back, taken};

use super::kinds::{self, Kind, SESSION as ID, named};

fn known(kind: &Kind) -> Box<dyn Agent> {
    (kind.agent().card().agent)()
}

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
    for kind in kinds::ALL.iter().filter(|kind| !kind.session.is_empty()) {
        let (agent, name) = (known(kind), kind.name);
        let home = home_with(kind.session);
        let session = taken(agent.as_ref(), home.path(), ID).unwrap().unwrap();
        assert_eq!(session.files.len(), kind.session.len(), "{name}");
        let next = tempfile::tempdir().unwrap();
        assert!(put_back(agent.as_ref(), next.path(), &session, "/workspace").unwrap(), "{name}");
        let again = taken(agent.as_ref(), next.path(), ID).unwrap().unwrap();
        assert_eq!(again, session, "{name}");
    }
}

#[test]
fn an_agent_without_sessions_keeps_none() {
    for kind in kinds::ALL.iter().filter(|kind| kind.session.is_empty()) {
        let home = home_with(&["selfheal-message.md"]);
        assert_eq!(taken(known(kind).as_ref(), home.path(), ID).unwrap(), None, "{}", kind.name);
    }
}

#[test]
fn a_link_in_a_sessions_place_is_not_followed() {
    for kind in kinds::ALL.iter().filter(|kind| !kind.session.is_empty()) {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join(kind.session[0]);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        symlink("/etc/passwd", &place).unwrap();
        assert!(taken(known(kind).as_ref(), home.path(), ID).is_err(), "{}", kind.name);
    }
}

#[test]
fn a_session_that_nobody_could_have_taken_is_not_put_back() {
    let home = tempfile::tempdir().unwrap();
    let agent = (named("claude-code").card().agent)();
    let packed = |text: &[u8]| Content::new(zstd::bulk::compress(text, 1).unwrap());
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
