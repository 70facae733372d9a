import { setTimeout as sleep } from "node:timers/promises";
import type { Gateway } from "../../test/faults/support/gateway.ts";
import type { Load, Sent } from "../harness.ts";
import type { Answered, Ask } from "./load.ts";
import { answerTo } from "./side.ts";
import type { StatementCounter } from "./statement-counter.ts";

/** The measurement of one question on one gateway. */
export interface Measured extends Answered {
  /** The processor time of all threads of the gateway's process, system time included. */
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
 * Sends requests to a gateway for the time of `load`, and waits until it is idle again. Throws an `Error` if a request
 * fails.
 */
export async function measure(gateway: Gateway, ask: Ask, load: Load): Promise<Measured> {
  for (let attempts = 0; attempts < maxAttempts; attempts += 1) {
    const before = gateway.processorMilliseconds();
    const answered = await ask(gateway.url, load);
    await untilIdle(gateway);
    const used = gateway.processorMilliseconds() - before;
    if (answered.requests > 0) return { ...answered, processorMillisecondsPerRequest: used / requestsBegun(answered, load) };
  }
  throw new Error(`Nothing was answered in ${load.seconds} s, ${maxAttempts} times: give it more --seconds.`);
}

/**
 * How often a measurement is tried that gets no responses, because another program may keep the machine busy for that
 * long.
 */
const maxAttempts = 3;

const askedAlone = 50;

/**
 * Counts the statements of a gateway that reaches its database through the counter. Throws an `Error` if a request
 * fails.
 */
export async function countPerRequest(
  gateway: Gateway,
  counter: StatementCounter,
  requests: readonly Sent[],
  ask: Ask,
  load: Load,
): Promise<Statements> {
  // The first requests fill the caches, such as that of the credential, and are not counted.
  for (const request of requests.slice(0, 5)) await answerTo(gateway, request);
  const beforeAlone = counter.executed();
  for (const request of requests.slice(5, 5 + askedAlone)) await answerTo(gateway, request);
  const alone = (counter.executed() - beforeAlone) / askedAlone;

  const beforeLoad = counter.executed();
  const answered = await ask(gateway.url, load);
  await untilIdle(gateway);
  return { alone, underLoad: (counter.executed() - beforeLoad) / requestsBegun(answered, load) };
}

/**
 * Returns how many requests the gateway has begun. At the end of the time each connection has one more request under
 * way, for whose response nothing waits.
 */
function requestsBegun({ requests }: Answered, { connections }: Load): number {
  return requests + connections;
}

const idleMilliseconds = 100;
const maxIdleChecks = 100;

/**
 * Waits until the process has used no processor time for {@link idleMilliseconds}, so that its last work counts as its
 * own and does not disturb the next measurement.
 */
async function untilIdle(gateway: Gateway): Promise<void> {
  for (let checks = 0; checks < maxIdleChecks; checks += 1) {
    const before = gateway.processorMilliseconds();
    await sleep(idleMilliseconds);
    if (gateway.processorMilliseconds() === before) return;
  }
}
