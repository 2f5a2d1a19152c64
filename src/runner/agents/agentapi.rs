//! An AgentAPI server and its client, both in the sandbox: our own program starts the server on a port of
//! its choice, speaks with it ([`client`]), and prints a line of JSON for everything that is worth telling.
//!
//! A server that something kills is no fault of its agent's: that is told by our own end, as it would be
//! of an agent without a server, and nothing is said of it.

pub mod client;
pub mod events;

use std::io;
use std::net::Ipv4Addr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use self::client::{Client, Fault, Patience};

/// The signal that nobody can hear, and how a shell tells that it ended a program.
const SIGKILL: i32 = 9;
const KILLED: u8 = 128 + 9;

/// How long a server that does not answer any more may take to be gone, when it is.
const GONE: Duration = Duration::from_secs(1);

/// Starts a server by a command line, gives its agent a message and tells what it does; the exit code
/// that tells how it ended.
///
/// # Errors
/// When nothing can be started or told; what the server does wrong is told.
pub async fn run(line: &str, message: &str) -> io::Result<u8> {
    let port = free_port().await?;
    let mut client = Client::new(port, Patience::default(), io::stdout());
    let mut server = started(line, port)?;
    let came = tokio::select! {
        status = server.wait() => Err(Fault::Died(status?.to_string())),
        came = client.converse(message) => came,
    };
    let fault = match came {
        Ok(()) => return Ok(0),
        Err(Fault::NobodyListens(error)) => return Err(error),
        Err(fault) => fault,
    };
    // Its silence may be heard before its end.
    if let Ok(status) = timeout(GONE, server.wait()).await
        && is_killed(status?)
    {
        return Ok(KILLED);
    }
    client.tell("failed", &fault.to_string())?;
    Ok(0)
}

/// Whether something killed it; a shell tells that of its child by its own exit code.
fn is_killed(status: ExitStatus) -> bool {
    status.signal() == Some(SIGKILL) || status.code() == Some(KILLED.into())
}

/// A port that nobody has at this moment.
async fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    Ok(listener.local_addr()?.port())
}

/// The server; what it prints is no conversation, and goes to standard error.
fn started(line: &str, port: u16) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", line])
        // coder's own server reads this by itself.
        .env("AGENTAPI_PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .kill_on_drop(true)
        .spawn()
}
