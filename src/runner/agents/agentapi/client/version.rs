//! Which AgentAPI it is, and which kind of agent is behind it, as far as it tells.
//!
//! The server's version stands in its own description of its interface; of the agent it knows the kind
//! and not the version. A server that tells neither is asked nothing else for it.

use std::io::Write;

use super::Client;

impl<W: Write> Client<W> {
    /// What the server says that it is.
    pub(super) async fn version(&self) -> Option<String> {
        let asked = self.http.get(self.url("openapi.json"));
        let description = self.answer("its description", asked).await.ok()?;
        let version = description["info"]["version"].as_str()?;
        let status = self.answer("its status", self.http.get(self.url("status"))).await.ok()?;
        let agent = status["agent_type"].as_str().unwrap_or("unknown");
        Some(format!("AgentAPI {version}, agent {agent}"))
    }
}
