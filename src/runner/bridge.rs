//! The bridge: a loopback address inside the sandbox that leads to a socket outside of it.
//!
//! The sandbox has a network of its own with nothing in it, and coding agents speak HTTP. So our own
//! program runs inside, beside the agent: it listens on its loopback, starts the agent with that
//! address in its arguments and variables ([`PLACE`] stands for it there), and carries bytes between
//! each connection and the socket. It understands nothing of what it carries, holds no secret, and
//! ends with the agent, whose exit code it passes on.
//!
//! It runs where hostile code runs. Whoever takes it over has gained what it could reach anyway: the
//! socket, behind which [`super::model`] decides.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::domain::agent::{OWN, PLACE};

/// The verb by which our programs become a bridge.
pub const VERB: &str = "bridge";

/// Connections at once: an agent has a handful; one that opens more waits.
const CONNECTIONS_MAX: usize = 64;

/// The pause after a connection that could not be taken.
const ACCEPT_PAUSE_MS: u64 = 50;

/// What a shell answers for a program that is not there, and for one that a signal ended.
const NOT_FOUND: u8 = 127;
const SIGNALLED: u8 = 128;

/// Runs a program beside the bridge; its exit code as a shell would tell it.
///
/// # Errors
/// When no loopback address can be had, or the program cannot be started or waited for.
pub async fn run(socket: &Path, argv: &[String]) -> io::Result<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let filled = |text: &str| text.replace(PLACE, &address);
    let (program, args) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let own = std::env::current_exe()?;
    let mut command = if program == OWN { Command::new(own) } else { Command::new(program) };
    command.args(args.iter().map(|arg| filled(arg)));
    for (name, value) in std::env::vars().filter(|(_, value)| value.contains(PLACE)) {
        command.env(name, filled(&value));
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(NOT_FOUND),
        Err(error) => return Err(error),
    };
    tokio::select! {
        status = child.wait() => status.map(code),
        never = carry(listener, socket.to_owned()) => match never {},
    }
}

fn code(status: ExitStatus) -> u8 {
    let signal = status.signal().and_then(|signal| u8::try_from(signal).ok());
    match (status.code().and_then(|code| u8::try_from(code).ok()), signal) {
        (Some(code), _) => code,
        (None, signal) => SIGNALLED.saturating_add(signal.unwrap_or(0)),
    }
}

async fn carry(listener: TcpListener, socket: PathBuf) -> std::convert::Infallible {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let (permit, accepted) = tokio::join!(Arc::clone(&room).acquire_owned(), listener.accept());
        let (Ok(permit), Ok((inside, _))) = (permit, accepted) else {
            // No descriptor left: what is open closes in time.
            tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            continue;
        };
        let socket = socket.clone();
        tokio::spawn(async move {
            let _ = carried(inside, &socket).await;
            drop(permit);
        });
    }
}

/// One connection; an end on either side ends it, and the agent's own client asks again.
async fn carried(mut inside: TcpStream, socket: &Path) -> io::Result<()> {
    inside.set_nodelay(true)?;
    let mut outside = UnixStream::connect(socket).await?;
    tokio::io::copy_bidirectional(&mut inside, &mut outside).await?;
    Ok(())
}
