import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countStatements, ready, settings } from "./contestant.ts";

// This gateway, whole: authentication, policies, limits and audit on. The key is made by the runner.
const { url, port } = settings();
countStatements(new URL("../../src/", import.meta.url).href);
const { createApp } = await import("../../src/app.ts");
const { systemClock } = await import("../../src/platform/clock.ts");
const { openDatabase } = await import("../../src/platform/database.ts");
const { createIds } = await import("../../src/platform/ids.ts");
const { createLog } = await import("../../src/platform/log.ts");
const { openStorage } = await import("../../src/platform/open-storage.ts");
const { createSigner } = await import("../../src/platform/signature.ts");

const log = createLog("error");
const publicUrl = `http://127.0.0.1:${port}`;
const signingSecret = "a secret of the benchmark, 32 characters long";
const maxUploadBytes = 1_000_000;
const database = await openDatabase({ kind: "postgresql", url }, log);
const filesDirectory = mkdtempSync(join(tmpdir(), "bench-files-"));
process.on("exit", () => rmSync(filesDirectory, { recursive: true, force: true }));
const storage = await openStorage(
  { kind: "file", directory: filesDirectory },
  { publicUrl, signer: createSigner(signingSecret, "files"), clock: systemClock, maximumBytes: maxUploadBytes },
);
const { server } = await createApp({
  config: { publicUrl, signingSecret, maxUploadBytes, corsOrigins: [], oidcIssuers: [] },
  database,
  storage,
  clock: systemClock,
  newId: createIds(),
  log,
});
await server.listen({ host: "127.0.0.1", port });
ready();
