"use strict";
(() => {
  // The oldest rows go, so that a page that is left open does not grow.
  const ROWS_MAX = 2000;
  const list = document.getElementById("events");
  const state = document.getElementById("state");
  const thinking = document.getElementById("thinking");
  const follow = document.getElementById("follow");
  const asked = new URLSearchParams(location.search);
  thinking.checked = asked.get("thinking") === "true";
  thinking.addEventListener("change", () => {
    if (thinking.checked) asked.set("thinking", "true"); else asked.delete("thinking");
    location.search = asked.toString();
  });

  const ended = (how) => typeof how === "string"
    ? how.replace("_", " ")
    : Object.entries(how).map(([word, code]) => word + " " + code).join();
  const says = {
    stage_begins: (e) => [e.stage + ", round " + e.round],
    command_begins: (e) => ["runs", e.command],
    command_ended: (e) =>
      [ended(e.ended) + " after " + (e.duration_ms / 1000).toFixed(1) + " s", e.command],
    fixer_begins: (e) => [e.fixer + " works"],
    fixer_ended: (e) => [e.fixer + " is done, files changed: " + e.files],
    left_out: (e) => [e.count + " events were left out"],
    muted: () => ["there was too much to tell, no more is shown"],
    started: (e) => ["begins" + (e.model ? " with " + e.model : "")],
    text: (e) => ["says", e.text],
    thinking: (e) => ["thinks", e.text],
    tool_call: (e) => [e.tool, e.input],
    tool_result: (e) => [e.is_error ? "the tool failed" : "the tool says", e.output],
    file_change: (e) => ["changes " + e.path],
    usage: (e) => ["tokens: " + e.input + " in, " + e.output + " out"],
    error: (e) => ["error", e.text],
  };

  // Everything is text: nothing that is said becomes markup.
  const element = (name, text) => {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  };
  const show = (event) => {
    const known = Object.hasOwn(says, event.kind) ? says[event.kind](event) : [event.kind];
    const row = element("li", "");
    row.className = Object.hasOwn(says, event.kind) ? event.kind : "other";
    row.append(element("time", new Date(event.at_ms).toLocaleTimeString()), element("b", known[0]));
    if (known[1]) row.append(element("pre", known[1]));
    list.append(row);
    while (list.childElementCount > ROWS_MAX) list.firstElementChild.remove();
    if (follow.checked) row.scrollIntoView({ block: "end" });
  };

  const source = new EventSource(location.pathname + "/events" + location.search);
  source.onopen = () => { state.textContent = "live"; };
  source.onmessage = (message) => show(JSON.parse(message.data));
  source.addEventListener("cut", (message) => { state.textContent = JSON.parse(message.data).why; });
  source.addEventListener("end", () => { source.close(); state.textContent = "the attempt is over"; });
  source.onerror = () => {
    state.textContent = source.readyState === EventSource.CLOSED
      ? "there is nothing to see here now; the link may have ended" : "connecting again";
  };
})();
