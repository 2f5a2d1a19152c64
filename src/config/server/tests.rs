//! Which layer wins, and what operators read when a setting is wrong.

mod models;

use std::collections::BTreeMap;

use clap::{Args as _, Command, FromArgMatches as _};
use secrecy::ExposeSecret;

use super::table::settings;
use super::*;
use crate::config::tests::assert_current;

const PEM: &str = "-----BEGIN RSA PRIVATE KEY-----\nhush\n-----END RSA PRIVATE KEY-----";

/// A machine with flags, an environment and files of its own.
struct Machine {
    dir: tempfile::TempDir,
    flags: Vec<String>,
    variables: BTreeMap<String, String>,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let flags = vec!["serve".to_owned()];
        let machine = Self { dir, flags, variables: BTreeMap::new() };
        let data = machine.path("data");
        machine.variable("SELFHEAL_DATA_DIR", &data)
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        let _ = self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    fn config(self, text: &str) -> Self {
        let path = self.path("s.toml");
        self.file("s.toml", text).variable("SELFHEAL_CONFIG", &path)
    }

    fn args(&self) -> ServerArgs {
        let command = ServerArgs::augment_args(Command::new("serve"));
        let matches = command.try_get_matches_from(&self.flags).unwrap();
        ServerArgs::from_arg_matches(&matches).unwrap()
    }

    fn settings(&self) -> Result<ServerSettings, SettingsError> {
        ServerSettings::resolve(&self.args(), &|name| self.variables.get(name).cloned())
    }

    #[track_caller]
    fn good(&self) -> ServerSettings {
        self.settings().expect("the settings are wrong")
    }

    /// What the operator reads, with this machine's directory as `DIR`.
    fn said(&self) -> String {
        let error = self.settings().expect_err("the settings are good");
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
        let lines: Vec<_> = error.0.iter().map(ToString::to_string).collect();
        lines.join("\n").replace(&self.dir.path().display().to_string(), "DIR")
    }

    #[track_caller]
    fn says(&self, expected: &str) {
        assert_eq!(self.said(), expected);
    }

    fn with_app(self) -> Self {
        self.variable("SELFHEAL_GITHUB_APP_ID", "7")
            .variable("SELFHEAL_GITHUB_PRIVATE_KEY", PEM)
            .variable("SELFHEAL_GITHUB_WEBHOOK_SECRET", "hush-1")
    }
}

#[test]
fn without_any_setting_it_listens_at_home_on_sqlite_and_waits_for_set_up() {
    let machine = Machine::new();
    let settings = machine.good();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.database_url.engine(), Engine::Sqlite);
    assert_eq!(
        settings.database_url.expose(),
        format!("sqlite:{}", machine.path("data/selfheal.db"))
    );
    assert!(settings.app.is_none());
    assert_eq!(settings.github.api_url.as_str(), "https://api.github.com/");
    assert_eq!((settings.shutdown_secs, settings.worker_count), (20, 4));
    assert_eq!(settings.limits, crate::domain::limits::Limits::default());
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = Machine::new().config("worker_count = 2\nlog = \"debug\"\nshutdown_secs = 5");
    assert_eq!(file.good().worker_count, 2);
    let environment = file.variable("SELFHEAL_WORKER_COUNT", "3");
    assert_eq!(environment.good().worker_count, 3);
    let settings = environment.flag("--worker-count=4").good();
    assert_eq!((settings.worker_count, settings.shutdown_secs), (4, 5));
    assert_eq!(settings.log.filter, "debug");
}

#[test]
fn an_empty_variable_counts_as_not_given() {
    let machine = Machine::new().config("worker_count = 2").variable("SELFHEAL_WORKER_COUNT", "");
    assert_eq!(machine.good().worker_count, 2);
}

#[test]
fn what_a_platform_sets_is_honoured_unless_said_otherwise() {
    let machine = Machine::new()
        .variable("PORT", "9000")
        .variable("DATABASE_URL", "postgres://u:hush@db/selfheal")
        .config("listen = \"127.0.0.1:1\"");
    let settings = machine.good();
    assert_eq!(settings.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(settings.database_url.engine(), Engine::Postgres);
    let settings = machine.variable("SELFHEAL_LISTEN", "[::1]:7").good();
    assert_eq!(settings.listen.to_string(), "[::1]:7");
}

#[test]
fn the_app_is_what_was_given() {
    let app = Machine::new().with_app().good().app.unwrap();
    assert_eq!(app.app_id, 7);
    assert_eq!(app.private_key.expose_secret(), PEM);
    assert_eq!(app.webhook_secrets.len(), 1);
}

#[test]
fn two_webhook_secrets_are_valid_while_one_is_changed() {
    let machine = Machine::new().with_app();
    let app = machine.variable("SELFHEAL_GITHUB_WEBHOOK_SECRET_PREVIOUS", "hush-0").good().app;
    let secrets: Vec<_> =
        app.iter().flat_map(|app| &app.webhook_secrets).map(ExposeSecret::expose_secret).collect();
    assert_eq!(secrets, ["hush-1", "hush-0"]);
}

#[test]
fn a_secret_can_come_from_a_file() {
    let machine = Machine::new().file("key.pem", &format!("{PEM}\n")).file("hook", "hush-2\n");
    let (key, hook) = (machine.path("key.pem"), machine.path("hook"));
    let app = machine
        .flag("--github-app-id=8")
        .flag(&format!("--github-private-key-file={key}"))
        .variable("SELFHEAL_GITHUB_WEBHOOK_SECRET_FILE", &hook)
        .good()
        .app
        .unwrap();
    assert_eq!(app.private_key.expose_secret(), PEM);
    assert_eq!(app.webhook_secrets[0].expose_secret(), "hush-2");
}

#[test]
fn a_private_key_on_one_line_is_unfolded() {
    let machine = Machine::new().with_app();
    let folded = machine.variable("SELFHEAL_GITHUB_PRIVATE_KEY", &PEM.replace('\n', "\\n"));
    assert_eq!(folded.good().app.unwrap().private_key.expose_secret(), PEM);
}

#[test]
fn credentials_of_set_up_are_used_unless_others_are_given() {
    let machine = Machine::new();
    let stored = StoredCredentials {
        app_id: 5,
        slug: "s".into(),
        html_url: "https://github.com/apps/s".into(),
        private_key: PEM.to_owned().into(),
        webhook_secret: "hush-stored".to_owned().into(),
        client_id: "c".into(),
        client_secret: "hush".to_owned().into(),
    };
    store_credentials(&machine.dir.path().join("data"), &stored).unwrap();
    assert_eq!(machine.good().app.unwrap().app_id, 5);
    assert_eq!(machine.with_app().good().app.unwrap().app_id, 7);
}

#[test]
fn damaged_credentials_stop_the_start() {
    let machine = Machine::new();
    std::fs::create_dir(machine.path("data")).unwrap();
    std::fs::write(machine.path("data/github-app.json"), "{\"hush\"").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(machine.path("data/github-app.json"), mode).unwrap();
    machine.says(
        "the data directory: the App's credentials in DIR/data/github-app.json are damaged \
         (line 1); set the App up again",
    );
}

#[track_caller]
fn host(web: &str, expected: [&str; 3]) {
    let github = GithubHost::at(Url::parse(web).unwrap());
    let found = [github.api_url.as_str(), github.graphql_url.as_str(), &github.oidc_issuer];
    assert_eq!(found, expected);
}

#[test]
fn the_web_address_of_a_forge_is_enough() {
    host(
        "https://github.com",
        [
            "https://api.github.com/",
            "https://api.github.com/graphql",
            "https://token.actions.githubusercontent.com",
        ],
    );
    host(
        "https://git.example.com/",
        [
            "https://git.example.com/api/v3",
            "https://git.example.com/api/graphql",
            "https://git.example.com/_services/token",
        ],
    );
    host(
        "https://acme.ghe.com",
        [
            "https://api.acme.ghe.com/",
            "https://api.acme.ghe.com/graphql",
            "https://token.actions.acme.ghe.com",
        ],
    );
}

#[test]
fn each_address_of_a_forge_can_be_set() {
    let settings = Machine::new()
        .variable("SELFHEAL_GITHUB_WEB_URL", "http://127.0.0.1:1")
        .variable("SELFHEAL_GITHUB_API_URL", "http://127.0.0.1:2/api")
        .variable("SELFHEAL_GITHUB_OIDC_ISSUER", "http://127.0.0.1:3")
        .good();
    assert_eq!(settings.github.api_url.as_str(), "http://127.0.0.1:2/api");
    assert_eq!(settings.github.graphql_url.as_str(), "http://127.0.0.1:1/api/graphql");
    assert_eq!(settings.github.oidc_issuer, "http://127.0.0.1:3");
}

#[test]
fn a_wrong_setting_is_named_by_flag_variable_or_line() {
    Machine::new().flag("--listen=80").says(
        "`--listen`: 80 will not do; allowed is an address and a port, for example \
         127.0.0.1:8080 or [::]:8080",
    );
    Machine::new()
        .variable("SELFHEAL_WORKER_COUNT", "257")
        .says("`SELFHEAL_WORKER_COUNT`: 257 will not do; allowed is 0 to 256");
    Machine::new()
        .config("# x\n\nshutdown_secs = 601\n")
        .says("DIR/s.toml line 3, `shutdown_secs`: 601 will not do; allowed is 1 to 600 seconds");
    Machine::new().variable("SELFHEAL_LOG", "info,=,x=loud").says(
        "`SELFHEAL_LOG`: info,=,x=loud will not do; allowed is a level (error, warn, info, debug, \
         trace) or a list of target=level",
    );
    Machine::new()
        .variable("SELFHEAL_LOG_FORMAT", "xml")
        .says("`SELFHEAL_LOG_FORMAT`: xml will not do; allowed is auto, human, json");
    Machine::new().variable("SELFHEAL_PUBLIC_URL", "example.com").says(
        "`SELFHEAL_PUBLIC_URL`: example.com will not do; allowed is an http or https address \
         without user, query and fragment",
    );
}

#[test]
fn a_wrong_settings_file_is_told_what_is_allowed() {
    Machine::new()
        .config("worker_cuont = 3")
        .says("DIR/s.toml line 1, `worker_cuont`: no such setting; did you mean `worker_count`?");
    Machine::new()
        .config("listen = [1]")
        .says("DIR/s.toml line 1, `listen`: allowed is a text or a number");
    let said = Machine::new().config("a = 1\nlisten = \"hush").said();
    assert!(said.starts_with("DIR/s.toml line 2: not TOML: "), "{said}");
    let machine = Machine::new().flag("--config=/nowhere/s.toml");
    assert!(machine.said().starts_with("`--config`: the file /nowhere/s.toml cannot be read: "));
}

#[test]
fn a_wrong_secret_is_named_and_never_shown() {
    Machine::new().with_app().variable("SELFHEAL_GITHUB_PRIVATE_KEY", "hush").says(
        "`SELFHEAL_GITHUB_PRIVATE_KEY`: the value will not do; allowed is a private key in PEM form",
    );
    Machine::new().variable("DATABASE_URL", "mysql://u:hush@db").says(
        "`DATABASE_URL`: the value will not do; allowed is sqlite:PATH or \
         postgres://USER:PASSWORD@HOST/DATABASE",
    );
    let machine = Machine::new().with_app();
    let both = machine.variable("SELFHEAL_GITHUB_WEBHOOK_SECRET_FILE", "/nowhere");
    both.says(
        "`SELFHEAL_GITHUB_WEBHOOK_SECRET`: `SELFHEAL_GITHUB_WEBHOOK_SECRET_FILE` is given as well; \
         allowed is one of them",
    );
    let machine = Machine::new().file("empty", "\n");
    let empty = machine.path("empty");
    machine
        .variable("SELFHEAL_DATABASE_URL_FILE", &empty)
        .says("`SELFHEAL_DATABASE_URL_FILE`: the file DIR/empty is empty");
}

#[test]
fn half_of_the_credentials_are_a_mistake() {
    let machine = Machine::new().variable("SELFHEAL_GITHUB_APP_ID", "7");
    machine.says(
        "`SELFHEAL_GITHUB_PRIVATE_KEY`: it is missing, although other credentials of the App are \
         given; set it or `SELFHEAL_GITHUB_PRIVATE_KEY_FILE`, or none of them to use those that \
         /setup stored\n\
         `SELFHEAL_GITHUB_WEBHOOK_SECRET`: it is missing, although other credentials of the App \
         are given; set it or `SELFHEAL_GITHUB_WEBHOOK_SECRET_FILE`, or none of them to use those \
         that /setup stored",
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let machine = Machine::new().flag("--listen=x").variable("SELFHEAL_WORKER_COUNT", "x");
    assert_eq!(machine.said().lines().count(), 2);
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let machine = Machine::new().with_app().flag("--database-url=postgres://u:hush@db/x");
    assert!(!format!("{:?}", machine.good()).contains("hush"));
    assert_eq!(format!("{:?}", machine.args()), r#"{"database-url"}"#);
}

#[test]
fn no_secret_can_be_given_on_the_command_line() {
    let command = ServerArgs::augment_args(Command::new("serve"));
    let flags: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    assert!(flags.contains(&"github-private-key-file"));
    assert!(!flags.contains(&"github-private-key"));
    assert!(!flags.contains(&"github-webhook-secret"));
}

#[test]
fn every_default_is_legal_and_every_setting_is_in_the_help() {
    let _ = Machine::new().good();
    let help = ServerArgs::augment_args(Command::new("serve")).render_long_help().to_string();
    for row in settings() {
        assert!(help.contains(&row.variable()), "{}", row.name);
        let file_flag = (row.secrecy != Secrecy::Open).then(|| format!("{}-file", row.name));
        assert_eq!(row.file_flag, file_flag.as_deref());
    }
}

#[test]
fn the_generated_page_is_current() {
    assert_current("docs/settings.md", &docs());
}
