//! The server's settings: what an operator sets, checked once at start.
//!
//! A setting comes from a flag, else from the environment, else from the file that `--config`
//! names, else it has its default. Everything that is wrong is told at once, each with the very
//! flag, variable or line. Secrets are [`SecretString`]s and never part of a message; the App's
//! credentials may also be those that `/setup` stored in the data directory.

mod github;
mod layers;
mod limits;
mod models;
mod reference;
mod stored;
mod table;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use tracing_subscriber::EnvFilter;
use url::Url;

pub use self::github::GithubHost;
pub use self::layers::{SettingError, SettingsError};
pub use self::models::{ModelSettings, ModelWay};
pub use self::reference::docs;
pub use self::stored::{
    STORED_CREDENTIALS_FILE, StoredCredentials, StoredCredentialsError, store_credentials,
    stored_credentials,
};
pub use self::table::ServerArgs;

use crate::domain::limits::Limits;

use self::layers::{Given, Layers};
use self::table::{Otherwise, Secrecy, setting};

/// The longest stop that can be asked for: past ten minutes every platform kills.
const SHUTDOWN_SECS_MAX: u64 = 600;
/// Shorter tokens can be guessed; `openssl rand -hex 16` makes one that cannot.
const TOKEN_CHARS_MIN: usize = 32;
/// The most steps at the same time: beyond that the database's writer is the limit.
const WORKERS_MAX: usize = 256;

/// The server's settings, all of them legal.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Where the database file and the App's credentials live.
    pub data_dir: PathBuf,
    /// The database.
    pub database_url: DatabaseUrl,
    /// When its schema is brought up to date.
    pub migrations: Migrations,
    /// Where GitHub and runners reach this server, when known.
    pub public_url: Option<Url>,
    /// The forge, known also before set-up.
    pub github: GithubHost,
    /// The App's credentials; `None` before set-up.
    pub app: Option<AppCredentials>,
    /// What is logged, and how.
    pub log: LogSettings,
    /// How long a stop waits for what is under way, in seconds.
    pub shutdown_secs: u64,
    /// How many steps are worked on at the same time; none where others do the work.
    pub worker_count: usize,
    /// How much is taken and done at once.
    pub limits: Limits,
    /// Which models may be called, and for how much.
    pub models: ModelSettings,
    /// What the API is opened with; off without.
    pub api_token: Option<SecretString>,
    /// What metrics are read with; off without.
    pub metrics_token: Option<SecretString>,
}

/// What the App proves itself with.
#[derive(Debug, Clone)]
pub struct AppCredentials {
    /// The App's number.
    pub app_id: u64,
    /// Its private key, in PEM form.
    pub private_key: SecretString,
    /// The secrets that webhooks may be signed with: one, or two while one is being changed.
    pub webhook_secrets: Vec<SecretString>,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// A filter that `tracing` understands.
    pub filter: String,
    /// The form.
    pub format: LogFormat,
}

/// When the schema of the database is brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrations {
    /// Whenever the database is opened.
    Auto,
    /// When an operator says so; until then a newer release does not start.
    Manual,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// For machines: one JSON object a line.
    Json,
}

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file, one process.
    Sqlite,
    /// A server, any number of processes.
    Postgres,
}

/// Where the database is. It may hold a password, so `Debug` shows the engine only.
#[derive(Clone)]
pub struct DatabaseUrl {
    engine: Engine,
    url: SecretString,
}

impl DatabaseUrl {
    /// Reads `sqlite:PATH`, `postgres://…` or `postgresql://…`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let engine = match text.split_once(':')? {
            ("sqlite", path) if !path.trim_start_matches('/').is_empty() => Engine::Sqlite,
            ("postgres" | "postgresql", _) if Url::parse(text).ok()?.has_host() => Engine::Postgres,
            _ => return None,
        };
        Some(Self { engine, url: text.to_owned().into() })
    }

    /// The engine.
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// The whole address, for the driver alone.
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({:?}, [REDACTED])", self.engine)
    }
}

impl ServerSettings {
    /// The settings of this process: `args`, its environment, the file, the data directory.
    ///
    /// # Errors
    /// [`SettingsError`] with everything that is wrong.
    pub fn load(args: &ServerArgs) -> Result<Self, SettingsError> {
        Self::resolve(args, &table::from_environment)
    }

    /// The settings by flags and an environment of the caller's.
    ///
    /// # Errors
    /// [`SettingsError`] with everything that is wrong.
    pub fn resolve(
        args: &ServerArgs,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let mut reader = Reader { layers: Layers::new(args, environment) };
        let settings = reader.settings();
        let problems = reader.layers.problems;
        match settings {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(SettingsError(problems)),
        }
    }
}

struct Reader<'a> {
    layers: Layers<'a>,
}

impl Reader<'_> {
    /// All settings; `None`, or problems noted, when one is wrong.
    fn settings(&mut self) -> Option<ServerSettings> {
        let listen = self.required("listen", |text| text.parse().ok());
        let data_dir = self.required("data-dir", |text| Some(PathBuf::from(text)));
        let database_url = self.optional("database-url", DatabaseUrl::parse);
        let migrations = self.required("migrate", |text| match text {
            "auto" => Some(Migrations::Auto),
            "manual" => Some(Migrations::Manual),
            _ => None,
        });
        let public_url = self.optional("public-url", base_url);
        let github = self.github();
        let log = self.log();
        let shutdown_secs = self.required("shutdown-secs", |text| {
            text.parse().ok().filter(|secs| (1..=SHUTDOWN_SECS_MAX).contains(secs))
        });
        let worker_count = self.required("worker-count", |text| {
            text.parse().ok().filter(|count| *count <= WORKERS_MAX)
        });
        let limits = self.limits();
        let models = self.models();
        let api_token = self.optional("api-token", operators_token);
        let metrics_token = self.optional("metrics-token", operators_token);
        let app = self.app(data_dir.as_deref());
        let data_dir = data_dir?;
        let database_url = match database_url {
            Some(url) => url,
            None => DatabaseUrl {
                engine: Engine::Sqlite,
                url: format!("sqlite:{}", data_dir.join("selfheal.db").display()).into(),
            },
        };
        Some(ServerSettings {
            listen: listen?,
            data_dir,
            database_url,
            migrations: migrations?,
            public_url,
            github: github?,
            app,
            log: log?,
            shutdown_secs: shutdown_secs?,
            worker_count: worker_count?,
            limits: limits?,
            models: models?,
            api_token,
            metrics_token,
        })
    }

    fn github(&mut self) -> Option<GithubHost> {
        let web_url = self.required("github-web-url", base_url);
        let api_url = self.optional("github-api-url", base_url);
        let graphql_url = self.optional("github-graphql-url", base_url);
        let issuer =
            self.optional("github-oidc-issuer", |text| base_url(text).map(|_| text.to_owned()));
        let usual = GithubHost::at(web_url?);
        Some(GithubHost {
            api_url: api_url.unwrap_or(usual.api_url),
            graphql_url: graphql_url.unwrap_or(usual.graphql_url),
            oidc_issuer: issuer.unwrap_or(usual.oidc_issuer),
            web_url: usual.web_url,
        })
    }

    fn log(&mut self) -> Option<LogSettings> {
        let filter = self
            .required("log", |text| EnvFilter::builder().parse(text).ok().map(|_| text.to_owned()));
        let format = self.required("log-format", |text| match text {
            "auto" => Some(LogFormat::Auto),
            "human" => Some(LogFormat::Human),
            "json" => Some(LogFormat::Json),
            _ => None,
        });
        Some(LogSettings { filter: filter?, format: format? })
    }

    /// The App's credentials as given, else as stored, else none.
    fn app(&mut self, data_dir: Option<&Path>) -> Option<AppCredentials> {
        let before = self.layers.problems.len();
        let app_id = self.optional("github-app-id", |text| text.parse().ok().filter(|id| *id > 0));
        let private_key = self.optional("github-private-key", private_key);
        let secret = |text: &str| Some(SecretString::from(text.to_owned()));
        let webhook_secret = self.optional("github-webhook-secret", secret);
        let previous = self.optional("github-webhook-secret-previous", secret);
        if self.layers.problems.len() > before {
            return None;
        }
        let mut app = match (app_id, private_key, webhook_secret) {
            (Some(app_id), Some(private_key), Some(webhook_secret)) => {
                AppCredentials { app_id, private_key, webhook_secrets: vec![webhook_secret] }
            }
            (None, None, None) => self.stored_app(data_dir?)?,
            (app_id, private_key, webhook_secret) => {
                let given = [
                    ("github-app-id", app_id.is_some()),
                    ("github-private-key", private_key.is_some()),
                    ("github-webhook-secret", webhook_secret.is_some()),
                ];
                for (name, _) in given.into_iter().filter(|(_, given)| !given) {
                    self.missing(name);
                }
                return None;
            }
        };
        app.webhook_secrets.extend(previous);
        Some(app)
    }

    fn stored_app(&mut self, data_dir: &Path) -> Option<AppCredentials> {
        match stored_credentials(data_dir) {
            Ok(stored) => stored.map(|stored| AppCredentials {
                app_id: stored.app_id,
                private_key: stored.private_key,
                webhook_secrets: vec![stored.webhook_secret],
            }),
            Err(error) => {
                let why = match std::error::Error::source(&error) {
                    Some(source) => format!("{error}: {source}"),
                    None => error.to_string(),
                };
                self.layers.problem("the data directory".to_owned(), why);
                None
            }
        }
    }

    /// Part of the App's credentials is given and this one is not.
    fn missing(&mut self, name: &'static str) {
        let setting = setting(name);
        let file = match setting.secrecy {
            Secrecy::Open => String::new(),
            Secrecy::MayHold | Secrecy::Secret => format!(" or `{}_FILE`", setting.variable()),
        };
        let message = format!(
            "it is missing, although other credentials of the App are given; set it{file}, or \
             none of them to use those that /setup stored"
        );
        self.layers.problem(format!("`{}`", setting.variable()), message);
    }

    /// A setting that has a default in the table.
    fn required<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let row = setting(name);
        match self.layers.given(row) {
            Some(given) => self.parsed(row, &given, parse),
            None => match row.otherwise {
                Otherwise::Value(text) => parse(text),
                Otherwise::Derived(_) | Otherwise::Absent => None,
            },
        }
    }

    /// A setting that may be absent.
    fn optional<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let row = setting(name);
        let given = self.layers.given(row)?;
        self.parsed(row, &given, parse)
    }

    fn parsed<T>(
        &mut self,
        row: &table::Setting,
        given: &Given,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let parsed = parse(given.text.trim());
        if parsed.is_none() {
            let value = match row.secrecy {
                Secrecy::Open => super::shown(&given.text, super::VALUE_CHARS_MAX),
                Secrecy::MayHold | Secrecy::Secret => "the value".to_owned(),
            };
            let message = format!("{value} will not do; allowed is {}", row.form);
            self.layers.problem(given.place.clone(), message);
        }
        parsed
    }
}

/// A token of an operator's: one that nobody guesses.
fn operators_token(text: &str) -> Option<SecretString> {
    let fine = text.len() >= TOKEN_CHARS_MIN && text.bytes().all(|byte| byte.is_ascii_graphic());
    fine.then(|| text.to_owned().into())
}

/// An address that paths can be added to.
fn base_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// A PEM text; variables cannot hold line ends everywhere, so `\n` may stand for them.
fn private_key(text: &str) -> Option<SecretString> {
    let pem = if text.contains('\n') { text.to_owned() } else { text.replace("\\n", "\n") };
    let fine = pem.starts_with("-----BEGIN ") && pem.contains("PRIVATE KEY-----");
    fine.then(|| pem.into())
}

#[cfg(test)]
mod tests;
