import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { raisedRateLimits } from "../gateway-process.ts";
import { countStatements, ready, settings } from "./contestant.ts";

// This gateway with authentication, policies, limits and audit. The runner creates the key.
const { url, port } = settings();
countStatements(new URL("../../src/", import.meta.url).href);
const { createApp } = await import("../../src/app.ts");
const { readConfig } = await import("../../src/config.ts");
const { systemClock } = await import("../../src/lib/clock.ts");
const { openDatabase } = await import("../../src/database/database.ts");
const { createIds } = await import("../../src/lib/ids.ts");
const { createLog } = await import("../../src/lib/log.ts");
const { openStorage } = await import("../../src/storage/open-storage.ts");
const { createSigner } = await import("../../src/storage/signature.ts");

const log = createLog("error");
const config = readConfig({
  DATABASE_URL: url,
  PUBLIC_URL: `http://127.0.0.1:${port}`,
  SIGNING_SECRET: "a secret of the benchmark, 32 characters long",
  ...raisedRateLimits,
});
const database = await openDatabase(config.database, log);
const filesDirectory = mkdtempSync(join(tmpdir(), "bench-files-"));
process.on("exit", () => rmSync(filesDirectory, { recursive: true, force: true }));
const storage = await openStorage(
  { kind: "file", directory: filesDirectory },
  {
    publicUrl: config.publicUrl,
    signer: createSigner(config.signingSecret, "files"),
    clock: systemClock,
    maximumBytes: config.maxUploadBytes,
  },
);
const { server } = await createApp({
  config,
  database,
  storage,
  clock: systemClock,
  newId: createIds(),
  log,
});
await server.listen({ host: "127.0.0.1", port });
ready();
