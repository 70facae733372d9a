import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { loadPlugins } from "../../src/graphql/server/load-plugins.ts";
import { addAccount, startApp } from "../support/app.ts";
import { addNote, addTicket, statementsOf } from "../support/factories.ts";
import { jsonOf, sendBy, ways } from "../support/plugins.ts";

const root = resolve(import.meta.dirname, "../..");

/** A module of that text, beside the sources: it may import what they may. */
function moduleOf(text: string): string {
  const directory = mkdtempSync(join(root, "plugins-of-a-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, "plugins.ts");
  writeFileSync(path, text);
  return path;
}

test("the example of docs/plugins.md is executed, for every way in which an operation comes", async () => {
  const [, example] = /```ts\n(.*?)```/s.exec(readFileSync(join(root, "docs/plugins.md"), "utf8"))!;
  const path = moduleOf(example!.replace("./src/", "../src/"));
  const plugins = await loadPlugins(path);
  expect(plugins).toHaveLength(2);

  const lines: string[] = [];
  const app = await startApp({ plugins, logLevel: "info", logTo: { write: (line) => void lines.push(line) } });
  onTestFinished(() => app.close());
  const account = await addAccount(app);
  for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
    const { id } = await addNote(app, await addTicket(app, account), account.specialist);
    const query = `query Read { note(id: "${id}") { uuid } }`;
    const ask = async (key: string) => jsonOf(await sendBy(app, key, way, { query }));
    lines.length = 0;
    expect(await ask(account.specialist.key)).toEqual({ data: { note: { uuid: id } } });
    expect(lines.join("")).toMatch(/"operation":"Read","msg":"executed"/);
    const again = await statementsOf(app, async () => {
      expect(await ask(account.specialist.key)).toEqual({ data: { note: { uuid: id } } });
    });
    expect([way, again]).toEqual([way, []]);
    expect(await ask(account.otherCustomer.key)).toMatchObject({ data: { note: null } });
  }
});

test("a module that cannot be used is told of by its name", async () => {
  await expect(loadPlugins("./nothing.ts")).rejects.toThrow(
    `GRAPHQL_PLUGINS names a file that is not there: ${resolve("nothing.ts")}`,
  );
  for (const text of ["export const other = [];", "export const plugins = {};"])
    await expect(loadPlugins(moduleOf(text))).rejects.toThrow("which must export an array called plugins");
  await expect(loadPlugins(moduleOf("export const plugins = [{}, 1];"))).rejects.toThrow("whose plugins[1] must be an object");
  for (const text of ['throw new TypeError("of its own");', "export const plugins = [;"])
    await expect(loadPlugins(moduleOf(text))).rejects.toThrow(/- GRAPHQL_PLUGINS names \S+, which cannot be loaded \(.+\)/s);
});

test("GRAPHQL_PLUGINS says where it is", () => {
  const given = { SIGNING_SECRET: "s".repeat(32) };
  expect(readConfig(given).graphqlPlugins).toBeUndefined();
  expect(readConfig({ ...given, GRAPHQL_PLUGINS: "./plugins.ts" }).graphqlPlugins).toBe("./plugins.ts");
});
