import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import { type Answer, compareAnswers, type Difference, type DifferenceExplanation } from "./compare-answers.ts";
import type { IdTranslation } from "./id-translation.ts";
import { UnusableSource } from "../transfer/json-files.ts";
import { jsonOrUndefined } from "../lib/json-shape.ts";
import type { RecordedRead } from "./recorded-reads.ts";

/** One of the two servers that are compared. */
export interface ShadowServer {
  /** The base URL, without /v1 or /v2. */
  readonly url: string;
  readonly key: string;
}

export interface ShadowRequest {
  /** The legacy server. */
  readonly there: ShadowServer;
  /** This gateway. */
  readonly here: ShadowServer;
  readonly reads: readonly RecordedRead[];
  readonly ids: IdTranslation;
  /** Called for each read with a difference that nothing explains, in the order of the reads. */
  readonly report: (read: RecordedRead, unexplained: readonly Difference[]) => void;
  readonly onProgress?: (count: number) => void;
}

export interface ShadowSummary {
  readonly compared: number;
  /** Reads with a cursor of the other server, which means nothing here. */
  readonly skipped: number;
  /** Reads with a difference that nothing explains. */
  readonly differing: number;
  readonly unexplained: number;
  readonly explained: Readonly<Partial<Record<DifferenceExplanation, number>>>;
}

const readsAtOnce = 4;
const windowSize = 64;
const maxWaits = 5;
/** What tells of the records. Others are of the moment or of the server. */
const comparedHeaders = /^(content-type|link|x-pagination-.+)$/;

/**
 * Sends each read to both servers, and compares what they answer. Throws {@link UnusableSource} if one of them does not
 * answer.
 */
export async function shadow({ there, here, reads, ids, report, onProgress }: ShadowRequest): Promise<ShadowSummary> {
  const limit = pLimit(readsAtOnce);
  const explained: Partial<Record<DifferenceExplanation, number>> = {};
  const asked = reads.filter(({ path }) => !/[?&]search_(after|before)=/.test(path));
  const summary = { compared: asked.length, skipped: reads.length - asked.length, differing: 0, unexplained: 0 };

  for (let start = 0; start < asked.length; start += windowSize) {
    const window = asked.slice(start, start + windowSize);
    const compared = await Promise.all(window.map((read) => limit(() => compareRead(read))));
    for (const [index, differences] of compared.entries()) {
      const unexplained = differences.filter(({ explanation }) => explanation === undefined);
      for (const { explanation } of differences) if (explanation) explained[explanation] = (explained[explanation] ?? 0) + 1;
      const read = window[index];
      if (!read || unexplained.length === 0) continue;
      summary.differing += 1;
      summary.unexplained += unexplained.length;
      report(read, unexplained);
    }
    onProgress?.(window.length);
  }
  return { ...summary, explained };

  async function compareRead({ path }: RecordedRead): Promise<Difference[]> {
    const [one, other] = await Promise.all([answerOf(there, path), answerOf(here, ids.path(path))]);
    return compareAnswers(path, one, other, ids);
  }
}

/** Returns the answer to a read. A server that asks to wait is asked again. */
async function answerOf({ url, key }: ShadowServer, path: string): Promise<Answer> {
  const base = url.replace(/\/$/, "");
  const headers: Record<string, string> = path.startsWith("/v1") ? { authorization: `Bearer ${key}` } : { "x-api-key": key };
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(`${base}${path}`, { headers }).catch((error: unknown) => {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new UnusableSource(`${base} cannot be reached: ${cause}`);
    });
    if (response.status === 429 && attempt < maxWaits) {
      await response.body?.cancel();
      await sleep(Number(response.headers.get("retry-after") ?? 1) * 1000);
      continue;
    }
    const compared = [...response.headers].filter(([name]) => comparedHeaders.test(name));
    return { status: response.status, headers: Object.fromEntries(compared), body: bodyOf(await response.text()), base };
  }
}

/** Returns what is compared: the value of JSON, or the text of anything else. */
function bodyOf(text: string): unknown {
  const value = jsonOrUndefined(text);
  return value === undefined ? text : value;
}
