//! Tools that a request offers: those that run at the agent's side stay. Those that a provider runs by
//! itself (searches, code, other servers) are taken out: they cost what no limit of a request bounds,
//! and they reach a network that the sandbox does not have.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::body::Object;
use super::endpoint::Form;
use super::request::Unreadable;

/// Anthropic's own definitions of tools that the client runs begin with these; a date follows.
const CLIENT_TOOLS: &[&str] = &["bash_", "text_editor_", "computer_", "memory_"];

/// OpenAI's tools that the client runs. `namespace` groups functions.
const OPENAI_TOOLS: &[&str] = &["function", "custom", "local_shell", "apply_patch", "namespace"];

#[derive(Deserialize)]
struct Tool {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    tools: Vec<Tool>,
}

impl Tool {
    fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    /// Whether the client runs it, and all that are grouped in it.
    fn is_the_clients(&self, form: Form) -> bool {
        is_the_clients(form, self.kind()) && self.tools.iter().all(|it| it.is_the_clients(form))
    }
}

/// Refuses tools among the items of a request, where newer models get them, that a provider would run.
pub(super) fn all_are_the_clients(tools: Option<&RawValue>) -> Result<(), Unreadable> {
    let Some(raw) = tools else { return Ok(()) };
    let tools: Vec<Tool> = serde_json::from_str(raw.get()).map_err(Unreadable::json)?;
    if tools.iter().all(|tool| tool.is_the_clients(Form::Responses)) {
        Ok(())
    } else {
        let why = "a tool that the provider runs cannot be offered as an item";
        Err(Unreadable::refused(why.to_owned()))
    }
}

/// Takes the provider's own tools out of a request; their names.
pub(super) fn narrowed(form: Form, request: &mut Object<'_>) -> Result<Vec<String>, Unreadable> {
    let Some(raw) = request.given("tools").filter(|raw| raw.get() != "null") else {
        return Ok(Vec::new());
    };
    let tools: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(Unreadable::json)?;
    let (mut kept, mut removed) = (Vec::new(), Vec::new());
    for tool in tools {
        match form {
            Form::Generate => functions_only(tool, &mut kept, &mut removed)?,
            Form::Messages | Form::Responses | Form::Chat | Form::Count | Form::List => {
                let read: Tool = serde_json::from_str(tool.get()).map_err(Unreadable::json)?;
                if read.is_the_clients(form) {
                    kept.push(tool.get().to_owned());
                } else {
                    removed.push(read.kind().to_owned());
                }
            }
        }
    }
    if !removed.is_empty() && kept.is_empty() {
        request.remove("tools");
    } else if !removed.is_empty() {
        request.set("tools", format!("[{}]", kept.join(",")));
    }
    Ok(removed)
}

fn is_the_clients(form: Form, kind: &str) -> bool {
    match form {
        Form::Messages => {
            matches!(kind, "" | "custom") || CLIENT_TOOLS.iter().any(|name| kind.starts_with(name))
        }
        Form::Responses => OPENAI_TOOLS.contains(&kind),
        Form::Chat => matches!(kind, "function" | "custom"),
        Form::Generate | Form::Count | Form::List => true,
    }
}

/// Gemini names a tool by its field: of each object only the functions stay.
fn functions_only(
    tool: &RawValue,
    kept: &mut Vec<String>,
    removed: &mut Vec<String>,
) -> Result<(), Unreadable> {
    let mut object = Object::read(tool.get().as_bytes()).map_err(Unreadable::json)?;
    let names: Vec<String> = object.names().map(str::to_owned).collect();
    let others = names.iter().filter(|name| !is_functions(name));
    for name in others {
        object.remove(name);
        removed.push(name.clone());
    }
    if names.iter().any(|name| is_functions(name)) {
        kept.push(object.written());
    }
    Ok(())
}

fn is_functions(name: &str) -> bool {
    matches!(name, "functionDeclarations" | "function_declarations")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: Form, tools: &str, expected: &str, removed: &[&str]) {
        let text = format!(r#"{{"tools":{tools}}}"#);
        let mut object = Object::read(text.as_bytes()).unwrap();
        assert_eq!(narrowed(form, &mut object).unwrap(), removed);
        assert_eq!(object.written(), expected);
    }

    #[test]
    fn tools_that_the_agent_runs_stay_as_they_were_written() {
        for (form, tools) in [
            (Form::Messages, r#"[{"name": "a","input_schema":{}},{"type":"bash_20250124"}]"#),
            (Form::Responses, r#"[{"type":"function"}, {"type":"custom"}]"#),
            (Form::Chat, r#"[{"type":"function","function":{}}]"#),
            (Form::Generate, r#"[{"functionDeclarations":[{"name":"a"}]}]"#),
        ] {
            check(form, tools, &format!(r#"{{"tools":{tools}}}"#), &[]);
        }
        check(Form::Messages, "null", r#"{"tools":null}"#, &[]);
    }

    #[test]
    fn tools_that_a_provider_runs_are_taken_out() {
        check(
            Form::Messages,
            r#"[{"type":"web_search_20250305"},{"name":"a"},{"type":"code_execution_1"}]"#,
            r#"{"tools":[{"name":"a"}]}"#,
            &["web_search_20250305", "code_execution_1"],
        );
        let searching = r#"[{"type":"web_search","external_web_access":false}]"#;
        check(Form::Responses, searching, "{}", &["web_search"]);
        check(Form::Responses, r#"[{"type":"mcp","server_url":"x"}]"#, "{}", &["mcp"]);
        check(
            Form::Generate,
            r#"[{"googleSearch":{},"functionDeclarations":[]},{"urlContext":{}}]"#,
            r#"{"tools":[{"functionDeclarations":[]}]}"#,
            &["googleSearch", "urlContext"],
        );
    }
}
