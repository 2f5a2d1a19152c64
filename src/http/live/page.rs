//! The page of an attempt: one document, the same for every attempt, that follows the stream whose
//! address is its own.
//!
//! Whatever is shown in it was said by strangers: the script puts it in as text and never as markup,
//! and the page allows nothing but its own script and style, known by their digests, and this server.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{Html, IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, PreEscaped, html};
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { "selfheal: an attempt" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "An attempt of selfheal" }
                    p #state role="status" { "connecting" }
                    label { input #thinking type="checkbox"; " show what the agent thinks" }
                    label { input #follow type="checkbox" checked; " follow" }
                }
                ol #events {}
                noscript { p { "This page needs its script to follow the attempt." } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
});

static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        digest(SCRIPT),
        digest(STYLE)
    )
});

/// The page.
pub(super) fn shown() -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(PAGE.as_str())).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_and_style_stand_in_the_page_as_they_are_digested() {
        assert!(PAGE.contains(&format!("<script>{SCRIPT}</script>")));
        assert!(PAGE.contains(&format!("<style>{STYLE}</style>")));
        assert!(!POLICY.contains("unsafe"));
    }

    #[test]
    fn the_script_makes_no_markup_of_what_it_hears() {
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!SCRIPT.contains(way), "{way}");
        }
    }
}
