import { parseArgs } from "node:util";
import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { createAdministration } from "./administration/service.ts";
import { administrationSocketPath } from "./administration/socket-path.ts";
import { createAuditMaintenance } from "./database/audit-maintenance.ts";
import { createApp } from "./app.ts";
import { awaitAll, runCommand } from "./command.ts";
import { announcement, startHelp } from "./announcement.ts";
import type { Config } from "./config.ts";
import { prepareDemo } from "./demo/start.ts";
import { followManifests } from "./graphql/server/load-manifests.ts";
import { checkRedis } from "./limits/start-check.ts";
import { offersDemoKeys } from "./graphql/graphiql/demo-keys.ts";
import { systemClock } from "./lib/clock.ts";
import { type Database, openDatabase } from "./database/database.ts";
import { sql } from "./database/sql.ts";
import { createIds } from "./lib/ids.ts";
import { createLog } from "./lib/log.ts";
import { type AdministrationSocket, openAdministrationSocket } from "./http/server/administration-socket.ts";
import { stopServing } from "./http/server/stop.ts";
import { migrate } from "./database/migrations.ts";
import { asListeningProblem, readStartSettings, type StartSettings } from "./settings.ts";
import { openConfiguredStorage } from "./storage/open-storage.ts";
import { awaitStorage } from "./storage/start-check.ts";
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

helpIfAsked();
await runCommand(async () => start(await readStartSettings(process.env)));

async function start({ config, plugins }: StartSettings): Promise<void> {
  const log = createLog(config.logLevel);
  const { persistedDocuments } = config;
  const manifests = persistedDocuments === undefined ? undefined : await followManifests(persistedDocuments, log);
  const storage = await openConfiguredStorage(config, systemClock);
  await awaitAll([
    awaitDatabase(config.database, log),
    awaitStorage(config.storage, storage, log),
    config.redisUrl === undefined ? Promise.resolve() : checkRedis(config.redisUrl),
  ]);
  const database = await openDatabase(config.database, log);
  try {
    const applied = await migrate(database, { log });
    const { auditRetentionDays: retentionDays } = config;
    const maintainAudit = createAuditMaintenance({ database, retentionDays, clock: systemClock, log });
    const seeToAudit = () =>
      maintainAudit().catch((error: unknown) => log.error({ err: error }, "the partitions of the audit were not seen to"));
    await seeToAudit();
    const demo = config.database.kind === "embedded" ? await prepareDemo(config.dataDirectory, { database, storage }) : null;
    const newId = createIds();
    const { server, connections, services } = await createApp({
      config,
      database,
      storage,
      clock: systemClock,
      newId,
      log,
      examples: demo?.examples,
      demoKeys: offersDemoKeys(config) ? demo?.keys : undefined,
      plugins,
      ...(manifests && { manifests }),
    });
    const isEmpty = demo === null && (await hasNoAccount(database));
    await listen({ server, log }, config);
    const administration = await listenForOperators(config, database, newId, log);
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
      await Promise.all([
        stopServing({ app: server, connections }, { drainMilliseconds, workMilliseconds }),
        administration?.close(workMilliseconds),
      ]);
      await storage.close();
      await database.close();
      process.exit(0);
    });
    // This must come last, because a program that reads the announcement may stop the process at once.
    console.log(announcement(config, { demo, isEmpty, migrations: applied.length }));
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Returns whether the database has no account. By SQL, since Prisma loads 20 MB for its first query. */
async function hasNoAccount(database: Database): Promise<boolean> {
  return (await database.query(sql`SELECT 1 FROM accounts LIMIT 1`)).length === 0;
}

/**
 * Lets the commands of an operator work while this process has the embedded database, which no other one can open.
 * Without it the gateway serves all the same, so its failure is logged only.
 */
async function listenForOperators(
  config: Config,
  database: Database,
  newId: () => string,
  log: FastifyBaseLogger,
): Promise<AdministrationSocket | undefined> {
  if (config.database.kind !== "embedded") return undefined;
  const path = administrationSocketPath(config.dataDirectory);
  const consequence = "npm run admin works only while the gateway is stopped";
  if (path === null) {
    log.warn({ dataDirectory: config.dataDirectory }, `the path of DATA_DIR is too long for a socket: ${consequence}`);
    return undefined;
  }
  const administration = createAdministration({ database, clock: systemClock, newId });
  try {
    return await openAdministrationSocket({ path, administration, log });
  } catch (error) {
    // Of the file system: it may have no sockets, or not be writable there.
    log.warn({ err: error, path }, `the socket for commands cannot be opened: ${consequence}`);
    return undefined;
  }
}

/**
 * Listens without the line that Fastify logs about it, at level info: the announcement says where, and a line of JSON
 * in its midst is for nobody.
 */
async function listen({ server, log }: { server: FastifyInstance; log: Logger }, { host, port }: Config): Promise<void> {
  const { level } = log;
  if (log.isLevelEnabled("info")) log.level = "warn";
  await server.listen({ host, port }).catch((error: unknown) => {
    // Another process may have taken the port since it was checked.
    throw asListeningProblem(error, { host, port });
  });
  log.level = level;
}

/** Prints the help and exits if it is asked for, or if there are other arguments. */
function helpIfAsked(): void {
  try {
    const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } }, strict: true });
    if (values.help !== true) return;
    console.log(startHelp);
    process.exit(0);
  } catch (error) {
    // The error of parseArgs names the unknown argument.
    console.error(error instanceof Error ? `${error.message}\n\n${startHelp}` : startHelp);
    process.exit(2);
  }
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
