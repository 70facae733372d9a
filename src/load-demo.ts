// npm run demo    loads the demo data into an empty database, and stores its keys in DATA_DIR/demo-keys.json
import { CommandRefused, readArgumentsOrExit, runCommand, withDatabase } from "./command.ts";
import { prepareDemo } from "./demo/start.ts";
import { systemClock } from "./lib/clock.ts";
import { createCommandLog } from "./lib/log.ts";
import { migrate } from "./database/migrations.ts";
import { openConfiguredStorage } from "./storage/open-storage.ts";
import { readSettings } from "./settings.ts";

const demoUsage = `Usage: npm run demo

Loads the demo data into an empty database, and prints its API keys, which DATA_DIR/demo-keys.json keeps. It works on
the database that DATABASE_URL names, or on the embedded one in DATA_DIR while the gateway is stopped.`;

// It takes none, and must say so before it loads the data.
readArgumentsOrExit({}, demoUsage);

await runCommand(async () => {
  const config = readSettings(process.env);
  const log = createCommandLog(config.logLevel);
  await withDatabase(config.database, log, async (database) => {
    await migrate(database, { log });
    const storage = await openConfiguredStorage(config, systemClock);
    const demo = await prepareDemo(config.dataDirectory, { database, storage });
    if (!demo?.isNew) throw new CommandRefused("The database is not empty, and the demo data goes into an empty one only.");
    console.log(`The demo data is loaded. Its API keys, kept in ${demo.keysPath}:`);
    await storage.close();
    for (const [name, key] of Object.entries(demo.keys)) console.log(`  ${name.padEnd(10)} ${key}`);
  });
});
