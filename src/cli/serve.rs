//! `selfheal serve`: the server, until it is told to stop.
//!
//! Without credentials it serves the set-up page; as soon as there are some it goes on as the
//! server, on the same address. A stop (SIGTERM, SIGINT) takes no new request, finishes the steps
//! that are under way and closes the store; what was not finished is in the store.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use url::Url;

use crate::app::{App, GithubRegistrar, Parts, SystemClock, SystemIds};
use crate::config::server::{AppCredentials, ServerArgs, ServerSettings};
use crate::forge::github::GithubSettings;
use crate::http::setup::{self, Setup};
use crate::ports::clock::Ids;
use crate::store::Migrate;
use crate::telemetry;

/// Run the server
///
/// Exit codes: 0 stopped as told, 2 usage, 3 it could not do its work.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong, the address is taken, or the store cannot be opened.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = ServerSettings::load(&args.server)?;
    telemetry::init(&settings.log).context("logs cannot be set up")?;
    std::fs::create_dir_all(&settings.data_dir)
        .with_context(|| format!("the data directory {}", settings.data_dir.display()))?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        signal().await;
        tracing::info!("told to stop");
        let _ = stop.send(true); // nobody listens any more when everything has ended
    });
    let mut settings = settings;
    let credentials = match settings.app.take() {
        Some(credentials) => credentials,
        None => match set_up(&settings, stopped.clone()).await? {
            Some(()) => ServerSettings::load(&args.server)?
                .app
                .context("the credentials that were just stored cannot be read")?,
            None => return Ok(ExitCode::SUCCESS),
        },
    };
    serve(&settings, credentials, stopped).await?;
    Ok(ExitCode::SUCCESS)
}

/// Where the server is reached when nobody said so: the address that it listens on.
fn public_url(settings: &ServerSettings) -> anyhow::Result<Url> {
    match &settings.public_url {
        Some(url) => Ok(url.clone()),
        None => Ok(Url::parse(&format!("http://{}", settings.listen))?),
    }
}

/// Serves the set-up page until there are credentials; `None` when told to stop before.
async fn set_up(
    settings: &ServerSettings,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<Option<()>> {
    let listener = listen(settings).await?;
    let token = hex::encode(&SystemIds.secret()[..16]);
    let url = public_url(settings)?;
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
            _ = stopped.wait_for(|stop| *stop) => false,
        };
        let _ = end.send(registered); // the receiver lives until the server has ended
    };
    axum::serve(listener, setup::router(page)).with_graceful_shutdown(until).await?;
    Ok(ended.await.unwrap_or(false).then_some(()))
}

async fn listen(settings: &ServerSettings) -> anyhow::Result<TcpListener> {
    TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen on {}; is something else there?", settings.listen))
}

/// The parts of an instance by its settings.
///
/// # Errors
/// When the public address cannot be made out.
pub fn parts(settings: &ServerSettings, app: AppCredentials) -> anyhow::Result<Parts> {
    Ok(Parts {
        database: settings.database_url.expose().to_owned(),
        migrate: Migrate::Yes,
        github: GithubSettings {
            app_id: app.app_id,
            private_key: app.private_key,
            api_url: settings.github.api_url.clone(),
            graphql_url: settings.github.graphql_url.clone(),
        },
        webhook_secrets: app.webhook_secrets,
        oidc_issuer: settings.github.oidc_issuer.clone(),
        public_url: public_url(settings)?,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    })
}

async fn serve(
    settings: &ServerSettings,
    credentials: AppCredentials,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    if settings.public_url.is_none() {
        tracing::warn!(
            "no public URL is set: GitHub and runners cannot reach this server; set --public-url"
        );
    }
    let app = App::assemble(parts(settings, credentials)?).await?;
    let listener = listen(settings).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let workers: Vec<_> = (0..settings.worker_count)
        .map(|_| {
            let (worker, stopped) = (app.worker(), stopped.clone());
            tokio::spawn(async move { worker.run(stopped).await })
        })
        .collect();
    let mut told = stopped.clone();
    axum::serve(listener, app.router())
        .with_graceful_shutdown(async move {
            let _ = told.wait_for(|stop| *stop).await; // a sender that is gone means stop, too
        })
        .await?;
    let patience = Duration::from_secs(settings.shutdown_secs);
    let all = async {
        for worker in workers {
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

/// Returns when the process is told to stop.
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt => {}
            }
        }
        Err(_) => {
            let _ = interrupt.await; // without a handler the default action ends the process
        }
    }
}
