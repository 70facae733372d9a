import type { ExecutionResult } from "graphql";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { GraphqlPlugin } from "../../src/graphql/server/plugins.ts";
import { addAccount, startApp, type TestApp } from "../support/app.ts";

/** Parts that are made one at a time, when somebody wants one and it may be made. */
interface Source {
  readonly result: AsyncIterable<ExecutionResult>;
  /** How many were asked for. */
  wanted: number;
  returned: number;
  /** Makes the next one. Given before it is asked for, it is made as soon as it is. */
  readonly make: (part: ExecutionResult | Error | "end") => void;
  /** Makes each one as soon as it is asked for. */
  each?: () => ExecutionResult;
}

function createSource(): Source {
  const made: (ExecutionResult | Error | "end")[] = [];
  const waiting: (() => void)[] = [];
  const next = async (): Promise<IteratorResult<ExecutionResult>> => {
    source.wanted += 1;
    if (source.each) return { done: false, value: source.each() };
    while (made.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    const part = made.shift()!;
    if (part instanceof Error) throw part;
    return part === "end" ? { done: true, value: undefined } : { done: false, value: part };
  };
  const source: Source = {
    wanted: 0,
    returned: 0,
    make(part) {
      made.push(part);
      for (const go of waiting.splice(0)) go();
    },
    result: {
      [Symbol.asyncIterator]: () => ({
        next,
        return: async () => {
          source.returned += 1;
          return { done: true, value: undefined };
        },
      }),
    },
  };
  return source;
}

let source: Source;
/** Its results come in parts. */
const inParts: GraphqlPlugin = { onExecute: ({ setExecuteFn }) => setExecuteFn((() => source.result) as never) };
const aboutHttp: GraphqlPlugin = { onResponse: () => undefined };

const accepts = {
  "multipart/mixed": "multipart/mixed",
  "what Apollo's mobile clients send":
    "multipart/mixed;deferSpec=20220824, application/graphql-response+json, application/json",
  "text/event-stream": "text/event-stream",
  "JSON and events": "application/json, text/event-stream;q=0.5",
} as const;

/** What has come of a response until `pattern` is in it. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, pattern: RegExp): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  while (!pattern.test(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`It ended with ${text}`);
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

describe.each([
  ["beside Yoga", [inParts]],
  ["through Yoga", [inParts, aboutHttp]],
])("%s", (_way, plugins) => {
  let app: TestApp;
  let key: string;

  beforeAll(async () => {
    app = await startApp({ plugins });
    ({ key } = (await addAccount(app)).specialist);
  });
  afterAll(async () => {
    // Clients that were cut off may have opened a connection that they have no use for.
    app.app.connections.destroyAll();
    await app.close();
  });

  async function open(accept: string, byGet = false) {
    source = createSource();
    const controller = new AbortController();
    onTestFinished(() => controller.abort());
    const headers = { accept, "x-api-key": key };
    const query = "{ viewer { role } }";
    const response = await (byGet
      ? fetch(`${app.url}/graphql?query=${encodeURIComponent(query)}`, { headers, signal: controller.signal })
      : fetch(`${app.url}/graphql`, {
          method: "POST",
          headers: { ...headers, "content-type": "application/json" },
          body: JSON.stringify({ query }),
          signal: controller.signal,
        }));
    return { response, reader: response.body!.getReader(), leave: () => controller.abort() };
  }

  test.each(Object.entries(accepts))("the first part arrives before the second is made, for %s", async (_name, accept) => {
    for (const byGet of [false, true]) {
      const opening = open(accept, byGet);
      await expect.poll(() => source.wanted).toBe(1);
      source.make({ data: { part: 1 } });
      const { response, reader } = await opening;
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toMatch(
        accept.includes("event-stream") ? /^text\/event-stream$/ : /^multipart\/mixed; boundary="-"$/,
      );
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(await readUntil(reader, /"part":1/)).not.toContain('"part":2');
      source.make({ data: { part: 2 }, errors: [] });
      await readUntil(reader, /"part":2/);
      source.make("end");
      await readUntil(reader, accept.includes("event-stream") ? /event: complete/ : /--\r\n$/);
      expect((await reader.read()).done).toBe(true);
    }
  });

  test.each(Object.entries(accepts))("the iterator is returned when the client leaves, for %s", async (_name, accept) => {
    const opening = open(accept);
    await expect.poll(() => source.wanted).toBe(1);
    source.make({ data: { part: 1 } });
    const { reader, leave } = await opening;
    await readUntil(reader, /"part":1/);
    // It waits for its second part, which never comes.
    await expect.poll(() => source.wanted).toBe(2);
    leave();
    await expect.poll(() => source.returned).toBe(1);
    expect(source.wanted).toBe(2);
  });

  test("no more parts are made than a client takes", async () => {
    const opening = open("multipart/mixed");
    const text = "x".repeat(1_000_000);
    source.each = () => ({ data: { part: text } });
    // Nothing of it is read.
    const { leave } = await opening;
    let before = -1;
    await expect
      .poll(
        () => {
          const isSame = source.wanted === before;
          before = source.wanted;
          return isSame;
        },
        { interval: 500, timeout: 20_000 },
      )
      .toBe(true);
    expect(source.wanted).toBeLessThan(60);
    leave();
    await expect.poll(() => source.returned).toBe(1);
  });

  test.each(["multipart/mixed", "text/event-stream"])(
    "errors of parts are closed, as is what breaks, for %s",
    async (accept) => {
      const opening = open(accept);
      await expect.poll(() => source.wanted).toBe(1);
      source.make(new Error("secret"));
      const { reader } = await opening;
      const text = await readUntil(reader, /errors/);
      expect(text).toContain('"code":"INTERNAL"');
      expect(text).not.toContain("secret");
    },
  );

  test("who takes JSON alone is refused, and nothing is left open", async () => {
    const { response, reader } = await open("application/json");
    expect(response.status).toBe(406);
    expect(await readUntil(reader, /\}$/)).toContain("comes in parts");
    await expect.poll(() => source.returned).toBe(1);
  });
});
