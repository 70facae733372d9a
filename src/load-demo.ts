// npm run demo    loads the demo data into an empty database, and stores its keys in DATA_DIR/demo-keys.json
import { parseArgs } from "node:util";
import { CommandRefused, runCommand } from "./command.ts";
import { readConfig } from "./config.ts";
import { prepareDemo } from "./demo/start.ts";
import { systemClock } from "./lib/clock.ts";
import { openDatabase } from "./database/database.ts";
import { createLog } from "./lib/log.ts";
import { migrate } from "./database/migrations.ts";
import { openStorage } from "./storage/open-storage.ts";
import { createSigner } from "./storage/signature.ts";
import { awaitDatabase } from "./database/start-checks.ts";

refuseArguments();

await runCommand(async () => {
  const config = readConfig(process.env);
  const log = createLog("warn");
  await awaitDatabase(config.database, log);
  const database = await openDatabase(config.database, log);
  try {
    await migrate(database, { log });
    const storage = await openStorage(config.storage, {
      publicUrl: config.publicUrl,
      signer: createSigner(config.signingSecret, "files"),
      clock: systemClock,
      maximumBytes: config.maxUploadBytes,
    });
    const demo = await prepareDemo(config.dataDirectory, { database, storage });
    if (!demo?.isNew) throw new CommandRefused("The database is not empty, and the demo data goes into an empty one only.");
    console.log(`The demo data is loaded. Its API keys, kept in ${demo.keysPath}:`);
    await storage.close();
    for (const [name, key] of Object.entries(demo.keys)) console.log(`  ${name.padEnd(10)} ${key}`);
  } finally {
    await database.close();
  }
});

/** Exits if there are arguments. The command takes none, and must say so before it loads the data. */
function refuseArguments(): void {
  try {
    parseArgs({ options: {}, strict: true });
  } catch (error) {
    const usage = "Usage: npm run demo";
    // The error of parseArgs names the unknown argument.
    console.error(error instanceof Error ? `${error.message}\n${usage}` : usage);
    process.exit(2);
  }
}
