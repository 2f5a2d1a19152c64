//! The App's manifest: what GitHub is asked to register, from the one file that also people read.

use serde_json::Value;
use url::Url;

/// The manifest as it stands in the repository.
const MANIFEST: &str = include_str!("../../app-manifest.yml");

/// The address that stands in the file for the server's own.
const PLACEHOLDER: &str = "https://selfheal.example";

/// The manifest for a server at that address, in the form that GitHub takes.
pub fn manifest(public_url: &Url) -> Value {
    let address = public_url.as_str().trim_end_matches('/');
    let text = MANIFEST.replace(PLACEHOLDER, address);
    serde_saphyr::from_str(&text).expect("invariant: the shipped manifest is YAML (tested)")
}

/// The permissions that the App asks for, as `(name, level)`.
pub fn permissions() -> Vec<(String, String)> {
    let base = Url::parse(PLACEHOLDER).expect("invariant: the placeholder is a URL");
    let manifest = manifest(&base);
    let Some(Value::Object(wanted)) = manifest.get("default_permissions") else {
        return Vec::new();
    };
    wanted
        .iter()
        .map(|(name, level)| (name.clone(), level.as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// The events that the App is sent.
pub fn events() -> Vec<String> {
    let base = Url::parse(PLACEHOLDER).expect("invariant: the placeholder is a URL");
    let manifest = manifest(&base);
    let Some(Value::Array(events)) = manifest.get("default_events") else { return Vec::new() };
    events.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_this_server_and_never_asks_for_too_much() {
        let url = Url::parse("https://heal.acme.test/").unwrap();
        let manifest = manifest(&url);
        assert_eq!(manifest["hook_attributes"]["url"], "https://heal.acme.test/webhooks/github");
        let redirect = &manifest["redirect_url"];
        assert_eq!(redirect, "https://heal.acme.test/setup/github/callback");
        let names: Vec<String> = permissions().into_iter().map(|(name, _)| name).collect();
        assert!(!names.iter().any(|name| name == "workflows" || name == "administration"));
        assert!(names.iter().any(|name| name == "contents"));
    }
}
