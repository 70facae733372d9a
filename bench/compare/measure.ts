import { setTimeout as sleep } from "node:timers/promises";
import type { Gateway } from "../../test/faults/support/gateway.ts";
import type { Load, Sent } from "../harness.ts";
import type { Answered, Ask } from "./load.ts";
import { answerTo } from "./side.ts";
import type { StatementCounter } from "./statement-counter.ts";

/** One question, sent to one gateway for some seconds. */
export interface Measured extends Answered {
  /** Processor time of the gateway's process: all of its threads, in the system too. */
  readonly processorMillisecondsPerRequest: number;
}

/** Statements a request. */
export interface Statements {
  /** Where requests come one after another. */
  readonly alone: number;
  /** Where they come at once, and equal ones may share a statement. */
  readonly underLoad: number;
}

/** Asks a gateway for the time of `load`, and waits until it is at rest again. @throws {Error} where a request fails */
export async function measure(gateway: Gateway, ask: Ask, load: Load): Promise<Measured> {
  for (let turn = 0; turn < mostTurns; turn += 1) {
    const before = gateway.processorMilliseconds();
    const answered = await ask(gateway.url, load);
    await untilAtRest(gateway);
    const used = gateway.processorMilliseconds() - before;
    if (answered.requests > 0) return { ...answered, processorMillisecondsPerRequest: used / workedOn(answered, load) };
  }
  throw new Error(`Nothing was answered in ${load.seconds} s, ${mostTurns} times: give it more --seconds.`);
}

/**
 * How often a measurement is repeated that got no answer: another program may keep a busy machine from answering for that long.
 */
const mostTurns = 3;

const askedAlone = 50;

/** Counts the statements of a gateway whose database is reached through the counter. @throws {Error} where a request fails */
export async function countPerRequest(
  gateway: Gateway,
  counter: StatementCounter,
  requests: readonly Sent[],
  ask: Ask,
  load: Load,
): Promise<Statements> {
  // What is read once and kept, such as the credential, belongs to no request.
  for (const request of requests.slice(0, 5)) await answerTo(gateway, request);
  const beforeAlone = counter.executed();
  for (const request of requests.slice(5, 5 + askedAlone)) await answerTo(gateway, request);
  const alone = (counter.executed() - beforeAlone) / askedAlone;

  const beforeLoad = counter.executed();
  const answered = await ask(gateway.url, load);
  await untilAtRest(gateway);
  return { alone, underLoad: (counter.executed() - beforeLoad) / workedOn(answered, load) };
}

/**
 * When the time is over, each connection has one more request under way. It is answered too, but nothing waits for the answer.
 */
function workedOn({ requests }: Answered, { connections }: Load): number {
  return requests + connections;
}

const restMilliseconds = 100;
const mostRests = 100;

/** Until the process has used none of a tenth of a second, so that its last work is its own and does not disturb the other's. */
async function untilAtRest(gateway: Gateway): Promise<void> {
  for (let rests = 0; rests < mostRests; rests += 1) {
    const before = gateway.processorMilliseconds();
    await sleep(restMilliseconds);
    if (gateway.processorMilliseconds() === before) return;
  }
}
