//! A process that hands every line of a speaker to those who listen to it, and does nothing else.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::spawn_local;

use super::{ATTEMPTS, BARE, LASTS, READERS, WARM_UP, Waits, connected, paced, process, read};
use crate::program::Program;

/// Lines that wait for a slow listener.
const WAITING_MAX: usize = 1_024;

type Topics = Arc<Mutex<HashMap<String, broadcast::Sender<Arc<Vec<u8>>>>>>;

/// Serves until it is killed.
pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address is free");
        let address = listener.local_addr().expect("it has an address");
        let _ = writeln!(std::io::stderr(), "listening on {address}"); // who started it hears
        let topics = Topics::default();
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(one(stream, Arc::clone(&topics)));
        }
    });
}

/// A connection: `tell N` or `watch N` on its first line.
async fn one(stream: TcpStream, topics: Topics) {
    let _ = stream.set_nodelay(true); // it fails only where the peer has gone
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    if stream.read_line(&mut first).await.is_err() {
        return;
    }
    let Some((verb, topic)) = first.trim().split_once(' ') else { return };
    let topic = {
        let mut topics = topics.lock().expect("nobody panics");
        let made = || broadcast::channel(WAITING_MAX).0;
        topics.entry(topic.to_owned()).or_insert_with(made).clone()
    };
    if verb == "watch" {
        let mut lines = topic.subscribe();
        while let Ok(line) = lines.recv().await {
            if stream.get_mut().write_all(&line).await.is_err() {
                return;
            }
        }
        return;
    }
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let _ = topic.send(Arc::new(std::mem::take(&mut line))); // nobody may listen yet
    }
}

/// How long every event takes to every reader through it.
pub(super) async fn turn(rate: u32) -> Vec<Duration> {
    let own = std::env::current_exe().expect("this program has a path");
    let mut command = process::on_server_core(&own.to_string_lossy());
    command.arg(BARE).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let dir = tempfile::tempdir().expect("a folder can be made");
    let server = Program::heard(child, Instant::now(), dir);
    let waits = Waits::default();
    for topic in 0..ATTEMPTS {
        for _ in 0..READERS {
            let stream = to(server.address(), "watch", topic).await;
            spawn_local(read(stream, std::rc::Rc::clone(&waits)));
        }
    }
    for topic in 0..ATTEMPTS {
        let stream = to(server.address(), "tell", topic).await;
        let stream = std::rc::Rc::new(tokio::sync::Mutex::new(stream));
        spawn_local(paced(rate, move |text| {
            let stream = std::rc::Rc::clone(&stream);
            async move {
                let line = format!("{text}\n");
                stream.lock().await.write_all(line.as_bytes()).await.expect("it hears");
            }
        }));
    }
    tokio::time::sleep(WARM_UP).await;
    waits.borrow_mut().clear();
    tokio::time::sleep(LASTS).await;
    waits.take()
}

async fn to(address: SocketAddr, verb: &str, topic: usize) -> TcpStream {
    connected(address, format!("{verb} {topic}\n").as_bytes()).await
}
