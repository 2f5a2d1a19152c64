//! Serving: the set-up page until there are credentials, then the server, on the same address.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use url::Url;

use super::{App, GithubRegistrar, Parts, SystemIds};
use crate::config::server::{AppCredentials, ServerSettings};
use crate::http::setup::{self, Setup};
use crate::http::{self, DoorLimits};
use crate::ports::clock::Ids;
use crate::service::{reconcile, retention};

/// Connections, as many WebSockets as may watch, and as much again for databases, GitHub and logs.
const FILES: u64 = 4_096;

/// Serves the set-up page until there are credentials; `None` when told to stop before.
///
/// # Errors
/// When the address cannot be served.
pub async fn set_up(
    settings: &ServerSettings,
    door: &std::net::TcpListener,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<Option<()>> {
    let listener = opened(door)?;
    let token = hex::encode(&SystemIds.secret()[..16]);
    let url = match &settings.public_url {
        Some(url) => url.clone(),
        None => Url::parse(&format!("http://{}", door.local_addr()?))?,
    };
    let base = url.as_str().trim_end_matches('/').to_owned();
    tracing::warn!("not set up yet: open {base}/setup?token={token}");
    let done = Arc::new(Notify::new());
    let page = Setup {
        registrar: Arc::new(GithubRegistrar {
            api_url: settings.github.api_url.clone(),
            data_dir: settings.data_dir.clone(),
        }),
        web_url: settings.github.web_url.clone(),
        public_url: url,
        token: SecretString::from(token),
        done: Arc::clone(&done),
    };
    let (end, ended) = tokio::sync::oneshot::channel::<bool>();
    let until = async move {
        let registered = tokio::select! {
            () = done.notified() => true,
            () = told(stopped) => false,
        };
        let _ = end.send(registered); // the receiver lives until the server has ended
    };
    http::serve(listener, setup::router(page), DoorLimits::default(), until).await;
    Ok(ended.await.unwrap_or(false).then_some(()))
}

/// Serves until told to stop; finishes the steps that are under way.
///
/// # Errors
/// When the address cannot be served or the store cannot be opened.
pub async fn serve(
    settings: &ServerSettings,
    door: &std::net::TcpListener,
    credentials: AppCredentials,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    if settings.public_url.is_none() {
        tracing::warn!(
            "no public URL is set: GitHub and runners cannot reach this server; set --public-url"
        );
    }
    ask_for_files();
    let app = Arc::new(App::assemble(Parts::by_settings(settings, credentials)?).await?);
    let listener = opened(door)?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let workers: Vec<_> = (0..settings.worker_count)
        .map(|_| {
            let (worker, stopped) = (app.worker(), stopped.clone());
            tokio::spawn(async move { worker.run(stopped).await })
        })
        .collect();
    let retention = tokio::spawn(retention::run(app.services().clone(), stopped.clone()));
    let reconciler = tokio::spawn(reconcile::run(app.services().clone(), stopped.clone()));
    let hearing = tokio::spawn({
        let (app, stopped) = (Arc::clone(&app), stopped.clone());
        async move {
            tokio::select! { () = app.hear() => {} () = told(stopped) => {} }
        }
    });
    let patience = Duration::from_secs(settings.shutdown_secs);
    let doors = DoorLimits::default();
    tokio::select! {
        () = http::serve(listener, app.router(), doors, last_call(&app, stopped.clone())) => {}
        () = async { told(stopped.clone()).await; tokio::time::sleep(patience).await } => {
            tracing::warn!("connections were open longer than a stop waits; they are cut");
        }
    }
    let all = async {
        for worker in workers.into_iter().chain([retention, reconciler, hearing]) {
            if worker.await.is_err() {
                tracing::error!("a worker ended badly");
            }
        }
    };
    if tokio::time::timeout(patience, all).await.is_err() {
        tracing::warn!("steps were under way longer than a stop waits; they are made again");
    }
    app.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Asks for as many files as connections, sockets of those who watch and databases take: many systems
/// give a process 1,024 and more only to those that ask.
fn ask_for_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= FILES) {
        return;
    }
    let current = Some(limit.maximum.map_or(FILES, |most| most.min(FILES)));
    let asked = setrlimit(Resource::Nofile, Rlimit { current, ..limit });
    if asked.is_err() || current < Some(FILES) {
        tracing::warn!(
            "this process may have {current:?} files open; with {FILES} all can be served"
        );
    }
}

/// Returns when the process is told to stop; those who watch are sent away, since they never end.
async fn last_call(app: &App, stopped: watch::Receiver<bool>) {
    told(stopped).await;
    app.services().live.close();
}

/// Returns when the process is told to stop.
async fn told(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await; // a sender that is gone means stop, too
}

/// Listens once, for the set-up page and for the server after it: what comes in between waits.
///
/// # Errors
/// When the address is taken.
pub fn listen(settings: &ServerSettings) -> anyhow::Result<std::net::TcpListener> {
    let door = std::net::TcpListener::bind(settings.listen).with_context(|| {
        format!("cannot listen on {}; is something else there?", settings.listen)
    })?;
    door.set_nonblocking(true)?;
    Ok(door)
}

fn opened(door: &std::net::TcpListener) -> anyhow::Result<TcpListener> {
    Ok(TcpListener::from_std(door.try_clone()?)?)
}
