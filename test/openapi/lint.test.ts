import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import spectralCore, { type RulesetDefinition } from "@stoplight/spectral-core";
import spectralRulesets from "@stoplight/spectral-rulesets";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publishV1Document } from "../../src/rest/v1/server/routes.ts";
import { publishV2Document } from "../../src/rest/v2/server/routes.ts";

const documents = { v1: publishV1Document, v2: publishV2Document } as const;
const publicUrl = "https://desk.brightwater.example";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "openapi-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Returns what Redocly's recommended rules find in a document, as `severity rule place`. */
async function lintByRedocly(name: string, document: object): Promise<string[]> {
  const path = join(directory, `${name}.json`);
  await writeFile(path, JSON.stringify(document));
  const cli = resolve(import.meta.dirname, "../../node_modules/@redocly/cli/bin/cli.js");
  const args = [cli, "lint", path, "--format", "json", "--extends", "recommended"];
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  // It exits with 1 if it finds an error.
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, cwd: directory }).catch(
    (error: { stdout: string }) => error,
  );
  const { problems } = JSON.parse(stdout) as {
    problems: { ruleId: string; severity: string; message: string; location: { pointer: string }[] }[];
  };
  return problems.map(({ ruleId, severity, message, location }) => [severity, ruleId, location[0]?.pointer, message].join(" "));
}

/** Returns what Spectral's rules of OpenAPI find in a document, as `rule place`. */
async function lintBySpectral(document: object): Promise<string[]> {
  const spectral = new spectralCore.Spectral();
  // Its types ask for a ruleset that extends another one, which the rules of OpenAPI themselves do not.
  spectral.setRuleset({ extends: [[spectralRulesets.oas as RulesetDefinition, "recommended"]] });
  const found = await spectral.run(JSON.stringify(document));
  return found.map(({ code, path, message, severity }) => [severity, code, path.join("/"), message].join(" "));
}

describe.each(Object.entries(documents))("the document of /%s", (name, publish) => {
  test("has nothing that Redocly's recommended rules complain of", async () => {
    const found = await lintByRedocly(name, publish(publicUrl));
    // The addresses of that family of APIs: `/people/{id}` is fixed, and `/{records}` is any kind of record.
    expect(found.filter((problem) => !problem.startsWith("warn no-ambiguous-paths"))).toEqual([]);
    expect(found).toHaveLength(name === "v1" ? 2 : 0);
  });

  test("has nothing that Spectral's rules complain of", async () => {
    expect(await lintBySpectral(publish(publicUrl))).toEqual([]);
  });
});

test("both find what is wrong", async () => {
  const { paths, ...rest } = publishV2Document(publicUrl) as { paths: Record<string, { get: object }> };
  const [first = "", item] = Object.entries(paths)[0] ?? [];
  const broken = { ...rest, paths: { ...paths, [first]: { get: { ...item?.get, security: [{ none: [] }], responses: {} } } } };
  expect((await lintByRedocly("broken", broken)).join("\n")).toMatch(/error security-defined/);
  expect((await lintBySpectral(broken)).join("\n")).toMatch(/oas3-schema|operation-success-response/);
});
