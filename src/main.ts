import { createServer } from "node:net";
import { createAuditMaintenance } from "./database/audit-maintenance.ts";
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

/** How long stopping may take in all, if the drain time allows it. It is less than the ten seconds of `docker stop`. */
const stopMilliseconds = 9_500;

/** The minimum time for requests under way, such as uploads, after the port has closed. */
const minWorkMilliseconds = 3_500;

/** The part of that time that closing the storage and the database may take. */
const closeMilliseconds = 1_000;

/** The signals that stop the process, and their numbers. */
const stopSignals = { SIGINT: 2, SIGTERM: 15 } as const;

/** How often the parent process is checked. */
const parentMilliseconds = 250;

/** How often unclaimed uploads, notes deleted long ago, bytes without a row and expired audit events are swept. */
const sweepMilliseconds = 60 * 60 * 1000;
/**
 * How long the bytes of a deleted or redacted file stay at most if the process that removed it has died, and how long
 * URLs lead to those of a deleted note.
 */
const discardMilliseconds = 30_000;

await runCommand(async () => start(await withPort(readConfig(process.env))));

async function start(config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  const plugins = config.graphqlPlugins === undefined ? [] : await loadPlugins(config.graphqlPlugins);
  await awaitDatabase(config.database, log);
  const database = await openDatabase(config.database, log);
  try {
    const applied = await migrate(database, { log });
    if (applied.length > 0) log.info({ migrations: applied }, "the database was migrated");
    const { auditRetentionDays: retentionDays } = config;
    const maintainAudit = createAuditMaintenance({ database, retentionDays, clock: systemClock, log });
    const seeToAudit = () =>
      maintainAudit().catch((error: unknown) => log.error({ err: error }, "the partitions of the audit were not seen to"));
    await seeToAudit();
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
      Promise.all([services.uploads.sweep(), services.notes.purge(), services.idempotency.sweep()]).catch((error: unknown) =>
        log.error({ err: error }, "removing what nobody needs any more failed"),
      );
    };
    sweep();
    setInterval(sweep, sweepMilliseconds).unref();
    setInterval(() => void seeToAudit(), sweepMilliseconds).unref();
    const removeDiscarded = () => {
      Promise.all([services.keptFiles.hideRest(), services.attachments.removeDiscarded()]).catch((error: unknown) =>
        log.error({ err: error }, "removing the bytes of deleted files failed; it will be tried again"),
      );
    };
    setInterval(removeDiscarded, discardMilliseconds).unref();

    onStopSignal(async () => {
      const { drainMilliseconds } = config;
      const workMilliseconds = Math.max(stopMilliseconds - closeMilliseconds - drainMilliseconds, minWorkMilliseconds);
      log.info({ drainMilliseconds, workMilliseconds }, "stopping");
      // If they do not close in time the process ends anyway, which the database's transactions make safe.
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
    // This must come last, because a program that reads the announcement may stop the process at once.
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

/**
 * Returns the configuration with a free port if PORT is 0. The port is chosen before anything is signed, because URLs
 * contain it.
 */
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

/**
 * Runs `stop` at the first stop signal. A second one ends the process at once with the exit code that shells use for
 * the signal.
 */
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
 * Calls `ended` when the shell in which npm runs `npm start` has ended. npm sends signals to that shell, which does not
 * forward them. Without this, the gateway would keep running and hold its port and its database.
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
