import { setTimeout as sleep } from "node:timers/promises";
import type { Answered, Ask, Load, Sent } from "./load.ts";
import type { StatementCounter } from "./statement-counter.ts";

/** A server in a process of its own, to which requests are sent. */
export interface Target {
  readonly url: string;
  /** Processor time that the process has used so far, in milliseconds. */
  processorMilliseconds(): number;
}

/** The measurement of one question on one server. */
export interface Measured extends Answered {
  /** The processor time of all threads of the server's process, system time included. */
  readonly processorMillisecondsPerRequest: number;
}

/** The number of statements per request. */
export interface Statements {
  /** With requests one after another. */
  readonly alone: number;
  /** With concurrent requests, of which equal ones may share a statement. */
  readonly underLoad: number;
}

/**
 * Sends requests to a server for the time of `load`, and waits until it is idle again. Throws an `Error` if a request
 * fails.
 */
export async function measure(target: Target, ask: Ask, load: Load): Promise<Measured> {
  for (let attempts = 0; attempts < maxAttempts; attempts += 1) {
    const before = target.processorMilliseconds();
    const longer = { ...load, seconds: load.seconds * longerBy ** attempts };
    const answered = await ask(target.url, longer);
    await untilIdle(target);
    const used = target.processorMilliseconds() - before;
    if (answered.requests > 0) return { ...answered, processorMillisecondsPerRequest: used / requestsBegun(answered, longer) };
  }
  throw new Error(`Nothing was answered in ${load.seconds} s and more, ${maxAttempts} times: give it more --seconds.`);
}

/**
 * How often a measurement is tried that gets no responses, each time for longer: another program may keep the machine
 * busy for that long, or the server needs it.
 */
const maxAttempts = 3;
const longerBy = 4;

const askedAlone = 50;

/**
 * Counts the statements of a server that reaches its database through the counter. Throws an `Error` if a request
 * fails.
 */
export async function countPerRequest(
  target: Target,
  counter: StatementCounter,
  requests: readonly Sent[],
  ask: Ask,
  load: Load,
): Promise<Statements> {
  const alone = await countAlone(target, counter, requests);
  const beforeLoad = counter.executed();
  const answered = await ask(target.url, load);
  await untilIdle(target);
  return { alone, underLoad: (counter.executed() - beforeLoad) / requestsBegun(answered, load) };
}

/** Counts the statements per request, with requests one after another. Throws an `Error` if a request fails. */
export async function countAlone(target: Target, counter: StatementCounter, requests: readonly Sent[]): Promise<number> {
  // The first requests fill the caches, such as that of the credential, and are not counted.
  for (const request of requests.slice(0, 5)) await answerTo(target, request);
  const before = counter.executed();
  for (const request of requests.slice(5, 5 + askedAlone)) await answerTo(target, request);
  return (counter.executed() - before) / askedAlone;
}

/**
 * Returns how many requests the server has begun. At the end of the time each connection has one more request under
 * way, for whose response nothing waits.
 */
function requestsBegun({ requests }: Answered, { connections }: Load): number {
  return requests + connections;
}

/**
 * Returns the JSON of a response. Throws an `Error` if the request fails, also with status 200, which GraphQL's errors
 * may have.
 */
export async function answerTo({ url }: Pick<Target, "url">, { path, ...request }: Sent): Promise<unknown> {
  const response = await fetch(`${url}${path}`, request);
  // An object or a list, of which an answer of GraphQL may have errors
  const answer = (await response.json()) as { errors?: unknown };
  if (!response.ok || answer.errors !== undefined)
    throw new Error(`${path} answered ${response.status} ${JSON.stringify(answer).slice(0, 500)}`);
  return answer;
}

const idleMilliseconds = 100;
const maxIdleChecks = 100;

/**
 * Waits until the process has used no processor time for {@link idleMilliseconds}, so that its last work counts as its
 * own and does not disturb the next measurement.
 */
async function untilIdle(target: Target): Promise<void> {
  for (let checks = 0; checks < maxIdleChecks; checks += 1) {
    const before = target.processorMilliseconds();
    await sleep(idleMilliseconds);
    if (target.processorMilliseconds() === before) return;
  }
}
