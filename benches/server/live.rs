//! How soon somebody who watches sees what an agent says: from the moment at which a scripted agent in
//! the sandbox writes to its standard output to the last byte at the reader, through the pipe, the
//! runner's own reading, queue, batch, HTTP, commit, fan-out and stream.
//!
//! The program runs on its core with SQLite in a file; agents, runners and readers share the other. Beside it
//! the same events go, without any of that, line by line through a process that hands each to its
//! readers: what the machine itself takes at that moment.

pub(crate) mod agent;
pub(crate) mod bare;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Client;
use secrecy::SecretString;
use selfheal::domain::ids::{
    AttemptId, Branch, InstallationId, PrNumber, RepoId, RepoSlug, Sha, Timestamp,
};
use selfheal::domain::live::{EventBatch, EventsTaken};
use selfheal::domain::pull::{Head, PullHead, PullState, Repo};
use selfheal::ports::clock::{Clock as _, Ids as _};
use selfheal::ports::store::{RunnerAdmission, Store as _};
use selfheal::runner::live::{Ear, Live};
use selfheal::runner::server::ServerError;
use selfheal::service::live::keys::Keys;
use selfheal::store::{Migrate, SqlStore};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use world::World;

use self::agent::{Machine, now_ns};
use crate::gateway::{case, percentile, written};
use crate::load::count;
use crate::program::Program;
use crate::{process, say};

/// The word by which this program is told to be the process beside it.
pub(crate) const BARE: &str = "--bare-fan-out";

/// Attempts that are at work.
const ATTEMPTS: usize = 50;

/// Readers of each.
const READERS: usize = 10;

/// Events of each in a second: an agent that works, and one that speaks word by word.
const RATES: [u32; 2] = [10, 40];

/// How long is measured.
const LASTS: Duration = Duration::from_secs(20);

/// How long fifty agents take to begin, each in a sandbox of its own.
const BEGINS: Duration = Duration::from_secs(15);

/// How long everything runs before that.
const WARM_UP: Duration = Duration::from_secs(2);

/// What an event says besides its time.
const WORDS: &str = "cargo test --workspace --all-targets: a line of what a tool has said, or of what \
    an agent says about it; some two hundred bytes are usual.";

const TOKEN: &str = "the-attempts-own-token";

/// How long each event took to each reader.
type Waits = Rc<RefCell<Vec<Duration>>>;

/// Measures the program and the machine, in turns: the same lines, once as an agent says them.
pub(crate) async fn run(world: &World) {
    say::line("\n## Watching\n");
    say::line(&format!(
        "{ATTEMPTS} attempts, {} readers, SQLite; milliseconds from an agent's standard output to a reader\n",
        ATTEMPTS * READERS
    ));
    say::line(
        "| events/s of each attempt | receipts/s | p50 | p99 | most | bare p50 | bare p99 | p99, times \
         bare | CPU of a core | memory MB |",
    );
    say::line("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for rate in RATES {
        let dir = tempfile::tempdir().expect("a folder can be made");
        let url = format!("sqlite:{}", dir.path().join("live.db").display());
        let attempts = at_work(&url).await;
        let program = Program::at(world, url);
        let keys = Keys::of(&SecretString::from(world.private_key_pem()));
        let server = Server { address: program.address(), attempts: &attempts, keys };
        let mut through = LocalSet::new().run_until(server.turn(rate, &program)).await;
        let memory = program.memory().most_kb;
        drop(program);
        let mut bare = LocalSet::new().run_until(bare::turn(rate)).await;
        let [b50, b99] = [50, 99].map(|percent| percentile(&mut bare, percent));
        let [p50, p99, most] = [50, 99, 100].map(|percent| percentile(&mut through.waits, percent));
        say::line(&format!(
            "| {rate} | {:.0} | {p50:.1} | **{p99:.1}** | {most:.1} | {b50:.1} | {b99:.1} | {:.1} | \
             {:.0} % | {:.0} |",
            count(through.waits.len()) / LASTS.as_secs_f64(),
            p99 / b99,
            through.processor_s / LASTS.as_secs_f64() * 100.0,
            say::mb(memory),
        ));
    }
}

/// Attempts at work, written before the server starts.
async fn at_work(url: &str) -> Vec<AttemptId> {
    let (ids, now) = (selfheal::app::SystemIds, selfheal::app::SystemClock.now());
    let store = SqlStore::open(url, Migrate::Yes).await.expect("a store opens");
    let mut attempts = Vec::new();
    for number in 1..=ATTEMPTS {
        let attempt = AttemptId::new(ids.uuid());
        let head = pull(number, now);
        let sha = head.head.sha.clone();
        let case = case(&head, &sha, attempt, now);
        written(&store, head, case, attempt, now).await;
        let admission = RunnerAdmission {
            attempt,
            token_hash: hex::encode(Sha256::digest(TOKEN)),
            token_until: now.plus_ms(3_600_000),
            identity: attempt.to_string(),
            run: None,
            now,
        };
        store.admit_runner(admission).await.expect("the runner is let in");
        attempts.push(attempt);
    }
    store.close().await;
    attempts
}

fn pull(number: usize, now: Timestamp) -> PullHead {
    let branch = |name| Branch::parse(name).expect("a branch has a name");
    let slug = RepoSlug::parse("acme/widget").expect("a repository has a name");
    let repo = Repo { id: RepoId::new(7), slug, installation: InstallationId::new(1) };
    let sha = Sha::parse(&format!("{number:040x}")).expect("a head is a commit");
    PullHead {
        repo,
        number: PrNumber::new(number as u64),
        head: Head { sha, branch: branch("feature"), repo: None },
        base: branch("main"),
        state: PullState::Open,
        updated_at: now,
    }
}

/// What a turn showed.
struct Turn {
    waits: Vec<Duration>,
    processor_s: f64,
}

struct Server<'a> {
    address: SocketAddr,
    attempts: &'a [AttemptId],
    keys: Keys,
}

impl Server<'_> {
    async fn turn(&self, rate: u32, program: &Program) -> Turn {
        let waits = Waits::default();
        let until = selfheal::app::SystemClock.now().plus_ms(3_600_000);
        for attempt in self.attempts {
            let path = format!("/attempts/{attempt}/events?key={}", self.keys.key(*attempt, until));
            let ask = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n");
            for _ in 0..READERS {
                let stream = connected(self.address, ask.as_bytes()).await;
                spawn_local(read(stream, Rc::clone(&waits)));
            }
        }
        let machine = Rc::new(Machine::new().await);
        let mut agents = Vec::new();
        for attempt in self.attempts {
            let live = Live::start(Speaker::new(self.address, *attempt), Vec::new());
            let (machine, attempt) = (Rc::clone(&machine), *attempt);
            let speaks = async move { machine.attempt(attempt, rate, live).await };
            agents.push(spawn_local(speaks));
        }
        tokio::time::sleep(BEGINS).await;
        tokio::time::sleep(WARM_UP).await;
        waits.borrow_mut().clear();
        let before = program.processor_s();
        tokio::time::sleep(LASTS).await;
        let processor_s = program.processor_s() - before;
        assert!(!agents.iter().any(JoinHandle::is_finished), "an agent has stopped");
        Turn { waits: waits.take(), processor_s }
    }
}

/// A connection on which something was said first.
async fn connected(address: SocketAddr, first: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server is there");
    stream.set_nodelay(true).expect("a socket can be told");
    stream.write_all(first).await.expect("the server hears");
    stream
}

/// Says what time it is, so often in a second; each attempt at its own moments.
async fn paced<F: Future<Output = ()>>(rate: u32, mut say: impl FnMut(String) -> F) {
    let every = Duration::from_secs(1) / rate;
    tokio::time::sleep(every.mul_f64(rand::random())).await;
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        say(format!("at={} {WORDS}", now_ns())).await;
    }
}

/// Hears lines that say when they were said.
async fn read(stream: TcpStream, waits: Waits) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let said = line.windows(3).position(|word| word == b"at=").map(|at| &line[at + 3..]);
        let digits = said.map(|said| said.iter().take_while(|byte| byte.is_ascii_digit()));
        let nanos = digits
            .map(|digits| digits.fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0')));
        if let Some(nanos) = nanos {
            let wait = now_ns().saturating_sub(nanos);
            waits.borrow_mut().push(Duration::from_nanos(wait));
        }
        line.clear();
    }
}

/// A runner's way to the server, without the proof of who it is.
struct Speaker {
    client: Client,
    url: String,
}

impl Speaker {
    fn new(address: SocketAddr, attempt: AttemptId) -> Self {
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { client, url: format!("http://{address}/runner/v1/attempts/{attempt}/events") }
    }
}

#[async_trait]
impl Ear for Speaker {
    async fn tell(&self, batch: &EventBatch) -> Result<EventsTaken, ServerError> {
        let sent = self.client.post(&self.url).bearer_auth(TOKEN).json(batch).send().await;
        let answer = sent.expect("the server answers");
        assert!(answer.status().is_success(), "{}", answer.status());
        Ok(answer.json().await.expect("an answer that can be read"))
    }
}
