//! The settings of the server: one table from which flags, `--help`, environment variables, the
//! file's keys and the reference page are derived.
//!
//! A setting has one name in three spellings: `--data-dir`, `SELFHEAL_DATA_DIR`, `data_dir`.

mod models;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use clap::{Arg, ArgMatches, Command};

/// How careful a setting's value must be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrecy {
    /// Anybody may see it.
    Open,
    /// It may hold a password: also given by a file, never repeated in messages.
    MayHold,
    /// It is a secret: never on the command line, where every user of the machine could read it.
    Secret,
}

/// What a setting is when nobody gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// This value.
    Value(&'static str),
    /// What the words say; computed from other settings.
    Derived(&'static str),
    /// Nothing.
    Absent,
}

/// A setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// Its name, as a flag without the dashes.
    pub name: &'static str,
    /// What stands for its value in `--help`.
    pub value_name: &'static str,
    /// What is allowed, in words that follow "allowed is".
    pub form: &'static str,
    /// Its value when nobody gives one.
    pub otherwise: Otherwise,
    /// How careful its value must be handled.
    pub secrecy: Secrecy,
    /// The flag that gives a path to the value, unless it is open: the name with `-file`.
    pub file_flag: Option<&'static str>,
    /// What it means.
    pub meaning: &'static str,
}

impl Setting {
    /// The environment variable.
    pub(super) fn variable(&self) -> String {
        format!("SELFHEAL_{}", self.key().to_uppercase())
    }

    /// The key in the file.
    pub(super) fn key(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The flag that gives the value itself; a secret has none.
    pub(super) fn flag(&self) -> Option<&'static str> {
        match self.secrecy {
            Secrecy::Open | Secrecy::MayHold => Some(self.name),
            Secrecy::Secret => None,
        }
    }

    /// A variable that hosting platforms set, if this setting honours one.
    pub(super) fn platform_variable(&self) -> Option<&'static str> {
        match self.name {
            "listen" => Some("PORT"),
            "database-url" => Some("DATABASE_URL"),
            _ => None,
        }
    }
}

/// All settings, in the order of the reference page.
pub(super) fn settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().chain(models::SETTINGS)
}

/// The setting of that name.
pub(super) fn setting(name: &str) -> &'static Setting {
    settings().find(|s| s.name == name).expect("invariant: every name used is in the table")
}

const fn open(
    name: &'static str,
    value_name: &'static str,
    form: &'static str,
    otherwise: Otherwise,
    meaning: &'static str,
) -> Setting {
    Setting { name, value_name, form, otherwise, secrecy: Secrecy::Open, file_flag: None, meaning }
}

const fn secret(
    name: &'static str,
    file_flag: &'static str,
    form: &'static str,
    meaning: &'static str,
) -> Setting {
    let (value_name, otherwise) = ("SECRET", Otherwise::Absent);
    Setting {
        name,
        value_name,
        form,
        otherwise,
        secrecy: Secrecy::Secret,
        file_flag: Some(file_flag),
        meaning,
    }
}

const URL_FORM: &str = "an http or https address without user, query and fragment";

/// The settings of the server itself; those of models stand in a table of their own.
const SETTINGS: &[Setting] = &[
    open(
        "listen",
        "ADDRESS:PORT",
        "an address and a port, for example 127.0.0.1:8080 or [::]:8080",
        Otherwise::Value("127.0.0.1:8080"),
        "Where the server listens. With PORT in the environment it listens there on all addresses",
    ),
    open(
        "data-dir",
        "DIR",
        "a directory",
        Otherwise::Value("selfheal-data"),
        "Where the SQLite database and the App's credentials live",
    ),
    Setting {
        name: "database-url",
        value_name: "URL",
        form: "sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
        otherwise: Otherwise::Derived("selfheal.db in the data directory"),
        secrecy: Secrecy::MayHold,
        file_flag: Some("database-url-file"),
        meaning: "The database: SQLite or PostgreSQL",
    },
    open(
        "migrate",
        "WHEN",
        "auto, manual",
        Otherwise::Value("auto"),
        "When the schema of the database is brought up to date: at start, or by selfheal migrate",
    ),
    open(
        "public-url",
        "URL",
        URL_FORM,
        Otherwise::Absent,
        "Where GitHub and runners reach this server; needed for set-up and for runners",
    ),
    open(
        "github-app-id",
        "NUMBER",
        "the App's number, from its settings page",
        Otherwise::Absent,
        "The GitHub App, when it was not set up at /setup",
    ),
    secret(
        "github-private-key",
        "github-private-key-file",
        "a private key in PEM form",
        "The App's private key",
    ),
    secret(
        "github-webhook-secret",
        "github-webhook-secret-file",
        "a text that is not empty",
        "The App's webhook secret",
    ),
    secret(
        "github-webhook-secret-previous",
        "github-webhook-secret-previous-file",
        "a text that is not empty",
        "A second webhook secret that is still accepted while the first one is being changed",
    ),
    secret(
        "api-token",
        "api-token-file",
        "at least 32 visible ASCII characters",
        "The operator's token for `/api/v1/…`; without it the API is off",
    ),
    secret(
        "metrics-token",
        "metrics-token-file",
        "at least 32 visible ASCII characters",
        "The token with which `/metrics` is read; without it there are no metrics",
    ),
    open(
        "github-web-url",
        "URL",
        URL_FORM,
        Otherwise::Value("https://github.com"),
        "The forge as people see it; for GitHub Enterprise Server this one is enough",
    ),
    open(
        "github-api-url",
        "URL",
        URL_FORM,
        Otherwise::Derived("from the web address"),
        "The forge's REST API",
    ),
    open(
        "github-graphql-url",
        "URL",
        URL_FORM,
        Otherwise::Derived("from the web address"),
        "The forge's GraphQL API",
    ),
    open(
        "github-oidc-issuer",
        "URL",
        URL_FORM,
        Otherwise::Derived("from the web address"),
        "Who signs the identity of workflow runs; compared exactly",
    ),
    open(
        "log",
        "FILTER",
        "a level (error, warn, info, debug, trace) or a list of target=level",
        Otherwise::Value("info"),
        "What is logged",
    ),
    open(
        "log-format",
        "FORMAT",
        "auto, human, json",
        Otherwise::Value("auto"),
        "How it is logged; auto is human on a terminal and JSON otherwise",
    ),
    open(
        "shutdown-secs",
        "SECONDS",
        "1 to 600 seconds",
        Otherwise::Value("20"),
        "How long a stop waits for what is under way",
    ),
    open(
        "worker-count",
        "NUMBER",
        "0 to 256",
        Otherwise::Value("4"),
        "How many steps the server works on at the same time; 0 for a replica that only takes in \
         webhooks and runners' reports and leaves the work to others on the same database",
    ),
    open(
        "deliveries-waiting-max",
        "NUMBER",
        "1 to 10000000",
        Otherwise::Value("50000"),
        "How many webhooks may wait to be read; beyond it they are answered 503 and fetched later \
         from GitHub's log",
    ),
    open(
        "attempts-max",
        "NUMBER",
        "1 to 100000",
        Otherwise::Value("200"),
        "How many attempts are at work at the same time; more wait",
    ),
    open(
        "installation-attempts-max",
        "NUMBER",
        "1 to 100000",
        Otherwise::Value("50"),
        "How many of them for one installation",
    ),
    open(
        "repository-cases-max",
        "NUMBER",
        "1 to 100000",
        Otherwise::Value("200"),
        "How many cases go on at the same time in one repository; more pull requests wait",
    ),
];

/// The flag and setting that names the file of settings; it cannot stand in the file itself.
pub(super) const CONFIG: &str = "config";

/// The flags of a command that needs the server's settings; to be flattened into it.
///
/// `Debug` names the flags that were given, never their values: an address may hold a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ServerArgs {
    given: BTreeMap<String, String>,
}

impl ServerArgs {
    /// What a flag was given, by the flag's name without dashes.
    pub(super) fn get(&self, flag: &str) -> Option<&str> {
        self.given.get(flag).map(String::as_str)
    }

    fn flags() -> Vec<Arg> {
        let arg = |id: &'static str, value_name: &'static str, help: String| {
            Arg::new(id).long(id).value_name(value_name).help(help).help_heading("Settings")
        };
        let config = "A file of settings (TOML) [env: SELFHEAL_CONFIG]".to_owned();
        let mut flags = vec![arg(CONFIG, "FILE", config)];
        for setting in settings() {
            let variable = setting.variable();
            if let Some(flag) = setting.flag() {
                let default = match setting.otherwise {
                    Otherwise::Value(text) | Otherwise::Derived(text) => {
                        format!(" [default: {text}]")
                    }
                    Otherwise::Absent => String::new(),
                };
                let help = format!("{} [env: {variable}]{default}", setting.meaning);
                flags.push(arg(flag, setting.value_name, help));
            }
            if let Some(flag) = setting.file_flag {
                let what = setting.meaning;
                let own = if setting.flag().is_none() {
                    format!("{variable} or ")
                } else {
                    String::new()
                };
                let help = format!("{what}, read from a file [env: {own}{variable}_FILE]");
                flags.push(arg(flag, "FILE", help));
            }
        }
        flags
    }
}

impl fmt::Debug for ServerArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.given.keys()).finish()
    }
}

impl clap::Args for ServerArgs {
    fn augment_args(command: Command) -> Command {
        command.args(Self::flags())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for ServerArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for flag in Self::flags() {
            let id = flag.get_id().as_str();
            if let Some(value) = matches.get_one::<String>(id) {
                let _ = self.given.insert(id.to_owned(), value.clone());
            }
        }
        Ok(())
    }
}

/// The process's environment variables; tests bring their own.
pub(super) fn from_environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(OsString::into_string).map(|text| match text {
        Ok(text) => text,
        Err(bytes) => bytes.to_string_lossy().into_owned(),
    })
}
