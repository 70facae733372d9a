import { createServer } from "node:net";
import { createApp } from "./app.ts";
import { runCommand } from "./command.ts";
import { type Config, isEveryAddress, readConfig } from "./config.ts";
import { curlLines, type Demo, prepareDemo } from "./demo/start.ts";
import { loadPlugins } from "./graphql/server/load-plugins.ts";
import { systemClock } from "./lib/clock.ts";
import { openDatabase } from "./database/database.ts";
import { createIds } from "./lib/ids.ts";
import { createLog } from "./lib/log.ts";
import { stopServing } from "./http/server/stop.ts";
import { migrate } from "./database/migrations.ts";
import { openStorage } from "./storage/open-storage.ts";
import { createSigner } from "./storage/signature.ts";
import { awaitDatabase } from "./database/start-checks.ts";

/** How long the process takes to end where the port closes early enough: less than the ten seconds that `docker stop` gives. */
const stopMilliseconds = 9_500;

/** The least time that requests under way, and uploads above all, have after the port has closed. */
const leastWorkMilliseconds = 3_500;

/** The part of that time that closing the storage and the database may take. */
const closeMilliseconds = 1_000;

/** The signals that stop the process, and their numbers. */
const stopSignals = { SIGINT: 2, SIGTERM: 15 } as const;

/** How often it is looked whether the parent process is still there. */
const parentMilliseconds = 250;

/** How often uploads that no note has taken, and bytes whose rows are gone, are looked for. */
const sweepMilliseconds = 60 * 60 * 1000;

await runCommand(async () => start(await withPort(readConfig(process.env))));

async function start(config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  const plugins = config.graphqlPlugins === undefined ? [] : await loadPlugins(config.graphqlPlugins);
  await awaitDatabase(config.database, log);
  const database = await openDatabase(config.database, log);
  try {
    const applied = await migrate(database, { log });
    if (applied.length > 0) log.info({ migrations: applied }, "the database was migrated");
    const storage = await openStorage(config.storage, {
      publicUrl: config.publicUrl,
      signer: createSigner(config.signingSecret, "files"),
      clock: systemClock,
      maximumBytes: config.maxUploadBytes,
    });
    const demo = config.database.kind === "embedded" ? await prepareDemo(config.dataDirectory, { database, storage }) : null;
    const { server, connections, services } = await createApp({
      config,
      database,
      storage,
      clock: systemClock,
      newId: createIds(),
      log,
      examples: demo?.examples,
      plugins,
    });
    await server.listen({ host: config.host, port: config.port });
    const sweep = () => {
      services.uploads
        .sweep()
        .catch((error: unknown) => log.error({ err: error }, "removing what nobody needs any more failed"));
    };
    sweep();
    setInterval(sweep, sweepMilliseconds).unref();

    onStopSignal(async () => {
      const { drainMilliseconds } = config;
      const workMilliseconds = Math.max(stopMilliseconds - closeMilliseconds - drainMilliseconds, leastWorkMilliseconds);
      log.info({ drainMilliseconds, workMilliseconds }, "stopping");
      // What does not close in time is cut off: the database's transactions make that safe.
      const giveUp = () => {
        log.error("the storage or the database could not be closed in time");
        process.exit(1);
      };
      setTimeout(giveUp, drainMilliseconds + workMilliseconds + closeMilliseconds).unref();
      await stopServing({ app: server, connections }, { drainMilliseconds, workMilliseconds });
      await storage.close();
      await database.close();
      process.exit(0);
    });
    // This must come last: a program that reads the announcement may act on it at once, and may stop the process.
    announce(config, demo);
  } catch (error) {
    await database.close();
    throw error;
  }
}

function announce(config: Config, demo: Demo | null): void {
  const lines = [
    "",
    `  Ticket notes gateway on ${config.publicUrl}`,
    `  GraphiQL: ${config.publicUrl}/graphql`,
    ...(isEveryAddress(config.host)
      ? [
          `  It listens on every address (HOST=${config.host}), and the URLs it hands out begin with ${config.publicUrl}:`,
          "  PUBLIC_URL says by which address clients reach it.",
        ]
      : []),
    ...(demo
      ? [
          "",
          `  The demo data's API keys, kept in ${demo.keysPath}:`,
          ...Object.entries(demo.keys).map(([name, key]) => `    ${name.padEnd(10)} ${key}`),
          "",
          "  Paste one of these:",
          ...curlLines(config.publicUrl, demo).map((line) => `    ${line}`),
        ]
      : []),
    "",
  ];
  console.log(lines.join("\n"));
}

/** PORT=0 requests any free port. It is chosen before anything is signed, since URLs contain it. */
async function withPort(config: Config): Promise<Config> {
  if (config.port !== 0) return config;
  const probe = createServer();
  const port = await new Promise<number>((resolve, reject) => {
    probe.once("error", reject);
    probe.listen(0, config.host, () => {
      const address = probe.address();
      resolve(typeof address === "object" && address ? address.port : 0);
    });
  });
  await new Promise((resolve) => probe.close(resolve));
  return { ...config, port, publicUrl: config.publicUrl.replace(/:0$/, `:${port}`) };
}

/** Runs `stop` at the first signal to stop. A second one ends the process at once, with the exit code that shells give to its signal. */
function onStopSignal(stop: () => Promise<void>): void {
  let isStopping = false;
  const begin = (number: number) => {
    if (isStopping) process.exit(128 + number);
    isStopping = true;
    void stop();
  };
  for (const [signal, number] of Object.entries(stopSignals)) process.on(signal, () => begin(number));
  onEndOfNpm(() => begin(stopSignals.SIGTERM));
}

/**
 * Calls `ended` when the shell has ended in which npm runs `npm start`. npm hands signals to that shell, and the shell hands none on: without this, the
 * gateway would go on alone, holding its port and its database.
 */
function onEndOfNpm(ended: () => void): void {
  if (process.env["npm_lifecycle_event"] !== "start") return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    ended();
  }, parentMilliseconds).unref();
}
