//! Where a setting comes from: flag, then environment, then file.
//!
//! Each answer carries its origin, so that a message can name the very flag, variable or line.
//! Values of secrets pass through here and are never put into a message.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::table::{CONFIG, Secrecy, ServerArgs, Setting, settings};
use crate::config::{SENTENCE_CHARS_MAX, VALUE_CHARS_MAX, nearest, shown};

/// The largest file of settings, and the largest file that holds a secret: keys have 4 KB.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// One setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct SettingError {
    /// The flag, the variable, or the file with line and key.
    pub place: String,
    /// What is wrong, and what is allowed.
    pub message: String,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError(pub Vec<SettingError>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server's settings are wrong")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for SettingsError {}

/// A value that somebody gave, and where.
pub(super) struct Given {
    /// The value as text.
    pub text: String,
    /// The flag, the variable, or the file with line and key.
    pub place: String,
}

/// How environment variables are read.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Flags, environment and file together.
pub(super) struct Layers<'a> {
    args: &'a ServerArgs,
    environment: Environment<'a>,
    file: BTreeMap<String, Given>,
    /// What is wrong so far.
    pub problems: Vec<SettingError>,
}

impl<'a> Layers<'a> {
    /// The layers, with the file read that flag or environment name.
    pub(super) fn new(args: &'a ServerArgs, environment: Environment<'a>) -> Self {
        let mut layers = Self { args, environment, file: BTreeMap::new(), problems: Vec::new() };
        let from_flag = args.get(CONFIG).map(|path| (path.to_owned(), "`--config`"));
        let from_environment =
            || layers.variable("SELFHEAL_CONFIG").map(|path| (path, "`SELFHEAL_CONFIG`"));
        if let Some((path, place)) = from_flag.or_else(from_environment) {
            match text_of(Path::new(&path)) {
                Ok(text) => layers.read_settings(&path, &text),
                Err(message) => layers.problem(place.to_owned(), message),
            }
        }
        layers
    }

    /// Notes that something is wrong.
    pub(super) fn problem(&mut self, place: String, message: String) {
        self.problems.push(SettingError { place, message });
    }

    /// A variable; an empty one counts as not given, because compose files pass those on.
    fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|text| !text.trim().is_empty())
    }

    /// What was given for a setting, by the highest layer that gives anything.
    pub(super) fn given(&mut self, setting: &Setting) -> Option<Given> {
        let flag = setting.flag();
        let file_flag = setting.file_flag;
        let value = flag.and_then(|flag| named(self.args.get(flag), format!("`--{flag}`")));
        let path = file_flag.and_then(|flag| named(self.args.get(flag), format!("`--{flag}`")));
        if value.is_some() || path.is_some() {
            return self.value_or_content(value, path);
        }
        let name = setting.variable();
        let value = self.variable(&name);
        let value = named(value.as_deref(), format!("`{name}`"));
        let path = if file_flag.is_some() { self.variable(&format!("{name}_FILE")) } else { None };
        let path = named(path.as_deref(), format!("`{name}_FILE`"));
        if value.is_some() || path.is_some() {
            return self.value_or_content(value, path);
        }
        if let Some(given) = self.platform(setting) {
            return Some(given);
        }
        let value = self.file.remove(&setting.key());
        let path = self.file.remove(&format!("{}_file", setting.key()));
        self.value_or_content(value, path)
    }

    /// What the hosting platform set.
    fn platform(&self, setting: &Setting) -> Option<Given> {
        let name = setting.platform_variable()?;
        let text = self.variable(name)?;
        let text = if name == "PORT" { format!("0.0.0.0:{text}") } else { text };
        Some(Given { text, place: format!("`{name}`") })
    }

    /// The value itself, or what stands in the file that `path` names; not both.
    fn value_or_content(&mut self, value: Option<Given>, path: Option<Given>) -> Option<Given> {
        let path = match (value, path) {
            (Some(value), Some(path)) => {
                let message = format!("{} is given as well; allowed is one of them", path.place);
                self.problem(value.place, message);
                return None;
            }
            (value, None) => return value,
            (None, Some(path)) => path,
        };
        match text_of(Path::new(&path.text)) {
            Ok(text) if text.trim().is_empty() => {
                self.problem(path.place, format!("the file {} is empty", path.text));
                None
            }
            Ok(text) => Some(Given { text: text.trim_end().to_owned(), place: path.place }),
            Err(message) => {
                self.problem(path.place, message);
                None
            }
        }
    }

    /// Takes the keys of a settings file; values wait as text until their setting is asked for.
    fn read_settings(&mut self, path: &str, text: &str) {
        let line_of =
            |at: usize| text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let line = line_of(error.span().map_or(0, |span| span.start));
                let said = shown(error.message(), SENTENCE_CHARS_MAX);
                return self.problem(format!("{path} line {line}"), format!("not TOML: {said}"));
            }
        };
        for (key, value) in table {
            let line = line_of(key.span().start);
            let key = key.into_inner();
            let place = format!("{path} line {line}, `{}`", shown(&key, VALUE_CHARS_MAX));
            if !known_keys().any(|known| *known == *key) {
                let known: Vec<String> = known_keys().collect();
                let message = match nearest(&key, known.iter().map(String::as_str)) {
                    Some(meant) => format!("no such setting; did you mean `{meant}`?"),
                    None => format!("no such setting; allowed are {}", known.join(", ")),
                };
                self.problem(place, message);
                continue;
            }
            match value.into_inner() {
                DeValue::String(text) => {
                    let given = Given { text: text.into_owned(), place };
                    let _ = self.file.insert(key.into_owned(), given);
                }
                DeValue::Integer(number) if number.radix() == 10 => {
                    let given = Given { text: number.as_str().to_owned(), place };
                    let _ = self.file.insert(key.into_owned(), given);
                }
                DeValue::Float(number) => {
                    let given = Given { text: number.as_str().to_owned(), place };
                    let _ = self.file.insert(key.into_owned(), given);
                }
                _ => self.problem(place, "allowed is a text or a number".to_owned()),
            }
        }
    }
}

fn named(text: Option<&str>, place: String) -> Option<Given> {
    text.map(|text| Given { text: text.to_owned(), place })
}

/// The keys that a settings file may have.
fn known_keys() -> impl Iterator<Item = String> {
    settings().flat_map(|setting| {
        let file = (setting.secrecy != Secrecy::Open).then(|| format!("{}_file", setting.key()));
        std::iter::once(setting.key()).chain(file)
    })
}

/// A bounded file's text, or why there is none; never any of its content.
pub(super) fn text_of(path: &Path) -> Result<String, String> {
    let name = path.display();
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|error| format!("the file {name} cannot be read: {error}"))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("the file {name} has more than {FILE_BYTES_MAX} bytes"));
    }
    Ok(text)
}
