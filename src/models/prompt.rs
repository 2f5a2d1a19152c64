//! Prompts: how many tokens a provider can count at most, told from what the request holds.
//!
//! Text: a tokenizer makes at least one byte of every token, so a text has no more tokens than bytes,
//! also one that was made to have many; and the JSON around it has more bytes than a provider has marks
//! of its own. An image that is in the request counts as the most that any provider makes of one. What
//! has no such bound (a document, audio, something new) counts as everything that the model can be
//! given.
//!
//! What is only named in a request (a file, an earlier answer, an address) is refused: its size cannot
//! be known, it may be what another attempt left there, and to fetch an address is to reach a network
//! that the sandbox does not have.

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::value::RawValue;

use super::body::Object;
use super::endpoint::Form;
use super::request::Unreadable;
use super::tools;

/// What providers add that is not in the request: preambles for the use of tools and definitions of
/// their own tools, together below 3,000 tokens as published.
pub const UNSEEN_TOKENS: u64 = 4_096;

/// The most that any provider makes of one image: 48,169 by the formula of the smallest GPT-4o.
const IMAGE_TOKENS_MAX: u64 = 50_000;

/// How deep pieces of a prompt may lie in each other: messages, what a tool gave back, a document in it
/// and what that is made of are five.
const DEPTH_MAX: usize = 8;

/// What a request holds, for the bound of its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Prompt {
    /// Images that are in it.
    images: u64,
    /// Whether there is something that has no bound but the model's.
    is_unbounded: bool,
}

impl Prompt {
    /// The most tokens that the prompt of a request of so many bytes can have.
    pub(super) fn tokens_max(&self, bytes: usize, context: u64) -> u64 {
        if self.is_unbounded {
            return context;
        }
        let images = self.images.saturating_mul(IMAGE_TOKENS_MAX);
        (bytes as u64).saturating_add(UNSEEN_TOKENS).saturating_add(images).min(context)
    }
}

/// A piece of a prompt, by whatever names the providers have for its fields.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Piece<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<String>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    parts: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<Source<'a>>,
    image_url: Option<Address>,
    file_id: Option<String>,
    file_url: Option<String>,
    file: Option<Named>,
    #[serde(alias = "inline_data", rename = "inlineData")]
    inline: Option<Inline>,
    #[serde(alias = "file_data", rename = "fileData", borrow)]
    file_data: Option<&'a RawValue>,
    #[serde(alias = "function_response", rename = "functionResponse", borrow)]
    given_back: Option<&'a RawValue>,
}

/// Whose pieces they are: Gemini names the kind of a piece by its field, the others by its `type`.
#[derive(Clone, Copy)]
enum Of {
    Gemini,
    Others,
}

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

/// An address, as OpenAI's two interfaces write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Address {
    Text(String),
    Object { url: String },
}

impl Address {
    fn is_inline(&self) -> bool {
        let (Self::Text(url) | Self::Object { url }) = self;
        url.starts_with("data:")
    }
}

#[derive(Deserialize)]
struct Named {
    file_id: Option<String>,
}

#[derive(Deserialize)]
struct Inline {
    #[serde(alias = "mime_type", rename = "mimeType", default)]
    mime_type: String,
}

/// Where Gemini's prompts stand.
const GEMINI: &[&str] = &["contents", "systemInstruction", "system_instruction"];

/// What the prompt of a request holds.
pub(super) fn survey(form: Form, request: &Object<'_>) -> Result<Prompt, Unreadable> {
    let (others, gemini): (&[&str], &[&str]) = match form {
        Form::Messages => (&["system", "messages"], &[]),
        Form::Responses => (&["input"], &[]),
        Form::Chat => (&["messages"], &[]),
        Form::Generate => (&[], GEMINI),
        Form::Count => (&["system", "messages"], GEMINI),
        Form::List => (&[], &[]),
    };
    let mut prompt = Prompt::default();
    for (names, of) in [(others, Of::Others), (gemini, Of::Gemini)] {
        for field in names.iter().filter_map(|name| request.given(name)) {
            prompt.several(field, of, 0)?;
        }
    }
    Ok(prompt)
}

impl Prompt {
    /// Adds a text, a piece or a list of pieces, so deep inside the prompt.
    fn several(&mut self, raw: &RawValue, of: Of, depth: usize) -> Result<(), Unreadable> {
        let first = raw.get().as_bytes().first();
        if !matches!(first, Some(b'[' | b'{')) {
            return Ok(());
        }
        if depth > DEPTH_MAX {
            let why = format!("a prompt that is nested deeper than {DEPTH_MAX} times is not read");
            return Err(Unreadable::refused(why));
        }
        if first == Some(&b'{') {
            let piece = serde_json::from_str(raw.get()).map_err(Unreadable::json)?;
            return self.piece(&piece, of, depth + 1);
        }
        let mut refused = None;
        let each = Each { prompt: self, of, depth: depth + 1, refused: &mut refused };
        let read = serde_json::Deserializer::from_str(raw.get()).deserialize_seq(each);
        refused.map_or_else(|| read.map_err(Unreadable::json), Err)
    }

    fn piece(&mut self, piece: &Piece<'_>, of: Of, depth: usize) -> Result<(), Unreadable> {
        match of {
            Of::Gemini => self.part(piece, depth),
            Of::Others => self.block(piece, depth),
        }
    }

    /// A part of Gemini's, or a content of parts.
    fn part(&mut self, part: &Piece<'_>, depth: usize) -> Result<(), Unreadable> {
        if part.file_data.is_some() {
            return Err(named("a file"));
        }
        match &part.inline {
            Some(inline) if inline.mime_type.starts_with("image/") => self.images += 1,
            Some(_) => self.is_unbounded = true,
            None => {}
        }
        let inside = [part.parts, part.given_back];
        inside.into_iter().flatten().try_for_each(|raw| self.several(raw, Of::Gemini, depth))
    }

    /// A message, an item or a block of Anthropic's or OpenAI's.
    fn block(&mut self, piece: &Piece<'_>, depth: usize) -> Result<(), Unreadable> {
        let by_name = [&piece.file_id, &piece.file_url].into_iter().any(Option::is_some);
        if by_name || piece.file.as_ref().is_some_and(|file| file.file_id.is_some()) {
            return Err(named("a file"));
        }
        match piece.kind.as_deref().unwrap_or_default() {
            ""
            | "message"
            | "text"
            | "input_text"
            | "output_text"
            | "summary_text"
            | "refusal"
            | "thinking"
            | "redacted_thinking"
            | "reasoning"
            | "tool_use"
            | "tool_result"
            | "function_call"
            | "function_call_output"
            | "custom_tool_call"
            | "custom_tool_call_output"
            | "local_shell_call"
            | "local_shell_call_output"
            | "apply_patch_call"
            | "apply_patch_call_output" => {}
            "image" | "document" => self.source(piece, depth)?,
            "input_image" | "image_url" => match &piece.image_url {
                Some(address) if address.is_inline() => self.images += 1,
                Some(_) | None => return Err(named("an image")),
            },
            "additional_tools" => tools::all_are_the_clients(piece.tools)?,
            "item_reference" => return Err(named("an earlier item")),
            "container_upload" => return Err(named("a file")),
            _ => self.is_unbounded = true,
        }
        let inside = [piece.content, piece.output];
        inside.into_iter().flatten().try_for_each(|raw| self.several(raw, Of::Others, depth))
    }

    /// Anthropic's images and documents.
    fn source(&mut self, piece: &Piece<'_>, depth: usize) -> Result<(), Unreadable> {
        let is_image = piece.kind.as_deref() == Some("image");
        match piece.source.as_ref().map(|source| source.kind.as_str()) {
            Some("base64") if is_image => self.images += 1,
            Some("text") => {}
            Some("base64" | "content") => self.is_unbounded = true,
            Some(_) | None => return Err(named("an image or a document")),
        }
        let inside = piece.source.as_ref().and_then(|source| source.content);
        inside.map_or(Ok(()), |raw| self.several(raw, Of::Others, depth))
    }
}

/// Looks at the pieces of a list one after the other: a request of the largest size can have millions,
/// and each takes more room as a [`Piece`] than as text.
struct Each<'p> {
    prompt: &'p mut Prompt,
    of: Of,
    depth: usize,
    /// Why one of them is refused, which ends the reading.
    refused: &'p mut Option<Unreadable>,
}

impl<'de> Visitor<'de> for Each<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of pieces of a prompt")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(piece) = list.next_element::<Piece<'de>>()? {
            if let Err(error) = self.prompt.piece(&piece, self.of, self.depth) {
                *self.refused = Some(error);
                return Err(A::Error::custom("a piece is refused"));
            }
        }
        Ok(())
    }
}

fn named(what: &str) -> Unreadable {
    let why = "what is only named can neither be counted nor kept apart from other attempts'";
    Unreadable::refused(format!("{what} must be in the request itself: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: u64 = 1_000_000;

    fn surveyed(form: Form, text: &str) -> Result<Prompt, Unreadable> {
        survey(form, &Object::read(text.as_bytes()).unwrap())
    }

    #[track_caller]
    fn holds(form: Form, text: &str, images: u64, is_unbounded: bool) {
        assert_eq!(surveyed(form, text).unwrap(), Prompt { images, is_unbounded }, "{text}");
    }

    #[track_caller]
    fn refuses(form: Form, text: &str) {
        let said = surveyed(form, text).unwrap_err().to_string();
        assert!(said.contains("must be in the request itself"), "{said}");
    }

    #[test]
    fn a_prompt_has_no_more_tokens_than_bytes_nor_than_the_model_takes() {
        let text = Prompt::default();
        assert_eq!(text.tokens_max(1_000, CONTEXT), 1_000 + UNSEEN_TOKENS);
        assert_eq!(text.tokens_max(5_000_000, CONTEXT), CONTEXT);
        let pictures = Prompt { images: 2, is_unbounded: false };
        assert_eq!(pictures.tokens_max(0, CONTEXT), UNSEEN_TOKENS + 2 * IMAGE_TOKENS_MAX);
        let document = Prompt { images: 0, is_unbounded: true };
        assert_eq!(document.tokens_max(10, CONTEXT), CONTEXT);
    }

    #[test]
    fn what_agents_usually_send_is_text() {
        holds(
            Form::Messages,
            r#"{"system":[{"type":"text","text":"s"}],"messages":[
                {"role":"user","content":"hello"},
                {"role":"assistant","content":[
                    {"type":"thinking","thinking":"t","signature":"x"},
                    {"type":"tool_use","id":"1","name":"a","input":{"type":"image","file_id":"x"}}]},
                {"role":"user","content":[
                    {"type":"tool_result","tool_use_id":"1","content":[
                        {"type":"text","text":"[{\"type\":\"document\"}]"}]}]}]}"#,
            0,
            false,
        );
        holds(
            Form::Responses,
            r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"x"}]},
                {"type":"reasoning","encrypted_content":"x","summary":[]},
                {"type":"function_call","arguments":"{}","call_id":"1","name":"a"},
                {"type":"function_call_output","call_id":"1","output":"done"}]}"#,
            0,
            false,
        );
        holds(Form::Responses, r#"{"input":"just a text"}"#, 0, false);
        holds(
            Form::Chat,
            r#"{"messages":[{"role":"tool","content":"x","tool_call_id":"1"},
                {"role":"assistant","content":null,"tool_calls":[]}]}"#,
            0,
            false,
        );
        holds(
            Form::Generate,
            r#"{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[
                {"text":"x"},{"functionResponse":{"name":"a","response":{"fileData":{}}}}]}]}"#,
            0,
            false,
        );
    }

    #[test]
    fn images_are_counted_wherever_they_are() {
        holds(
            Form::Messages,
            r#"{"messages":[{"role":"user","content":[
                {"type":"image","source":{"type":"base64","data":"x"}},
                {"type":"tool_result","content":[
                    {"type":"image","source":{"type":"base64","data":"x"}}]}]}]}"#,
            2,
            false,
        );
        holds(
            Form::Responses,
            r#"{"input":[{"role":"user","content":[
                {"type":"input_image","image_url":"data:image/png;base64,x"}]},
                {"type":"function_call_output","output":[
                    {"type":"input_image","image_url":"data:image/png;base64,x"}]}]}"#,
            2,
            false,
        );
        holds(
            Form::Chat,
            r#"{"messages":[{"role":"user","content":[
                {"type":"image_url","image_url":{"url":"data:image/png;base64,x"}}]}]}"#,
            1,
            false,
        );
        holds(
            Form::Generate,
            r#"{"contents":[{"parts":[{"inline_data":{"mime_type":"image/png","data":"x"}}]}]}"#,
            1,
            false,
        );
    }

    #[test]
    fn what_has_no_bound_counts_as_all_that_the_model_takes() {
        let document = r#"{"type":"document","source":{"type":"base64","data":"x"}}"#;
        let new = r#"{"type":"hologram"}"#;
        for block in [document, new] {
            let text = format!(r#"{{"messages":[{{"role":"user","content":[{block}]}}]}}"#);
            holds(Form::Messages, &text, 0, true);
        }
        holds(Form::Responses, r#"{"input":[{"type":"web_search_call"}]}"#, 0, true);
        let audio = r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"audio/wav"}}]}]}"#;
        holds(Form::Generate, audio, 0, true);
    }

    #[test]
    fn what_is_only_named_is_refused() {
        for source in [r#"{"type":"url","url":"https://x"}"#, r#"{"type":"file","file_id":"f"}"#] {
            let block = format!(r#"{{"type":"image","source":{source}}}"#);
            let text = format!(r#"{{"messages":[{{"role":"user","content":[{block}]}}]}}"#);
            refuses(Form::Messages, &text);
            let result = format!(r#"{{"type":"tool_result","content":[{block}]}}"#);
            let text = format!(r#"{{"messages":[{{"role":"user","content":[{result}]}}]}}"#);
            refuses(Form::Messages, &text);
        }
        for item in [
            r#"{"type":"item_reference","id":"x"}"#,
            r#"{"role":"user","content":[{"type":"input_image","image_url":"https://x"}]}"#,
            r#"{"role":"user","content":[{"type":"input_image","file_id":"f"}]}"#,
            r#"{"role":"user","content":[{"type":"input_file","file_url":"https://x"}]}"#,
        ] {
            refuses(Form::Responses, &format!(r#"{{"input":[{item}]}}"#));
        }
        let file =
            r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}"#;
        refuses(Form::Chat, file);
        for name in ["fileData", "file_data"] {
            let text = format!(r#"{{"contents":[{{"parts":[{{"{name}":{{}}}}]}}]}}"#);
            refuses(Form::Generate, &text);
            refuses(Form::Count, &text);
        }
    }

    /// What a tool gave back, as Gemini's interface has it, with a part of that in it.
    fn given_back(name: &str, part: &str) -> String {
        let response = format!(r#"{{"name":"a","response":{{}},"parts":[{part}]}}"#);
        format!(r#"{{"contents":[{{"role":"user","parts":[{{"{name}":{response}}}]}}]}}"#)
    }

    #[test]
    fn what_a_tool_of_geminis_gave_back_is_looked_into() {
        for name in ["functionResponse", "function_response", "function\\u0052esponse"] {
            let image = r#"{"inlineData":{"mimeType":"image/png","data":"x"}}"#;
            holds(Form::Generate, &given_back(name, &format!("{image},{image}")), 2, false);
            let audio = r#"{"inline_data":{"mime_type":"audio/wav","data":"x"}}"#;
            holds(Form::Generate, &given_back(name, audio), 0, true);
            refuses(Form::Generate, &given_back(name, r#"{"fileData":{"fileUri":"x"}}"#));
            refuses(Form::Count, &given_back(name, r#"{"file_data":{"file_uri":"x"}}"#));
        }
    }

    #[test]
    fn what_a_document_is_made_of_is_looked_into() {
        let document = |inside: &str| {
            let source = format!(r#"{{"type":"content","content":[{inside}]}}"#);
            let block = format!(r#"{{"type":"document","source":{source}}}"#);
            format!(r#"{{"messages":[{{"role":"user","content":[{block}]}}]}}"#)
        };
        let image = r#"{"type":"image","source":{"type":"base64","data":"x"}}"#;
        holds(Form::Messages, &document(image), 1, true);
        let named = r#"{"type":"image","source":{"type":"url","url":"https://x"}}"#;
        refuses(Form::Messages, &document(named));
    }

    #[test]
    fn a_prompt_that_is_nested_without_end_is_refused() {
        for (form, begin, end) in [
            (Form::Messages, r#"{"type":"tool_result","content":["#, "]}"),
            (Form::Messages, r#"{"content":"#, "}"),
            (Form::Generate, r#"{"parts":["#, "]}"),
            (Form::Generate, r#"{"functionResponse":"#, "}"),
        ] {
            let field = if form == Form::Messages { "messages" } else { "contents" };
            let (begin, end) = (begin.repeat(20_000), end.repeat(20_000));
            let text = format!(r#"{{"{field}":[{begin}{{}}{end}]}}"#);
            let said = surveyed(form, &text).unwrap_err().to_string();
            assert!(said.contains("nested"), "{said}");
        }
    }
}
