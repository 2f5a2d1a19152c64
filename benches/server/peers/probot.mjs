// Probot as its documentation starts it, with a handler for every event that keeps nothing, or that
// commits each delivery to SQLite before the answer.
//
// Takes: KEEP_IN (a file; nothing is kept without), WEBHOOK_SECRET, PRIVATE_KEY. Says on stderr where
// it listens.
import { createServer } from "node:net";
import { Probot, Server } from "probot";

// Probot takes port 0 for its default, so a free one is looked for here.
const port = await new Promise((resolve) => {
  const door = createServer().listen(0, "127.0.0.1", () => {
    const { port } = door.address();
    door.close(() => resolve(port));
  });
});

let keep = () => {};
if (process.env.KEEP_IN) {
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(process.env.KEEP_IN);
  db.exec(`PRAGMA journal_mode = WAL;
           PRAGMA synchronous = FULL;
           CREATE TABLE deliveries (id TEXT PRIMARY KEY, event TEXT NOT NULL, body TEXT NOT NULL)`);
  const insert = db.prepare("INSERT INTO deliveries VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
  keep = (context) => insert.run(context.id, context.name, JSON.stringify(context.payload));
}

const server = new Server({
  host: "127.0.0.1",
  port,
  webhookPath: "/webhooks/github",
  Probot: Probot.defaults({
    appId: 1,
    privateKey: process.env.PRIVATE_KEY,
    secret: process.env.WEBHOOK_SECRET,
    // What is logged at `info` costs time that we do not want to count against it.
    logLevel: "error",
  }),
});
await server.load((app) => app.onAny(keep));
await server.start();
process.stderr.write(`listening on 127.0.0.1:${port}\n`);
