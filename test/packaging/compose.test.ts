import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { readConfig, settingNames } from "../../src/config.ts";

const directory = resolve(import.meta.dirname, "../../packaging/compose");
const text = readFileSync(join(directory, "compose.yaml"), "utf8");

interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly configs?: readonly { readonly source: string }[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
}

/** The parts of the Compose specification that are asked for here. Docker Compose checks all of it. */
interface Project {
  readonly services: Readonly<Record<string, Service>>;
  readonly configs: Readonly<Record<string, { readonly file?: string; readonly content?: string }>>;
  readonly networks: Readonly<Record<string, unknown>>;
}

const { services, configs, networks } = parse(text, { merge: true }) as Project;
const gateways = Object.entries(services).filter(([name]) => /^gateway-\d$/.test(name));

test("there are two gateways, and the proxy passes requests to both", () => {
  expect(gateways.map(([name]) => name)).toEqual(["gateway-1", "gateway-2"]);
  const caddyfile = readFileSync(join(directory, "Caddyfile"), "utf8");
  expect(/reverse_proxy (gateway.*) \{/.exec(caddyfile)?.[1]).toBe(gateways.map(([name]) => `${name}:4000`).join(" "));
});

test("what a service names is there", () => {
  for (const [name, { configs: mounted = [], depends_on: others = {}, networks: joined = [] }] of Object.entries(services)) {
    expect(
      mounted.filter(({ source }) => configs[source] === undefined),
      name,
    ).toEqual([]);
    expect(
      Object.keys(others).filter((other) => services[other] === undefined),
      name,
    ).toEqual([]);
    expect(
      joined.filter((network) => !(network in networks)),
      name,
    ).toEqual([]);
  }
  const files = Object.values(configs).flatMap(({ file }) => file ?? []);
  expect(files.filter((file) => !existsSync(join(directory, file)))).toEqual([]);
});

test("only the proxy can be reached from outside, and no gateway can write to its own files", () => {
  expect(Object.keys(services).filter((name) => services[name]?.ports !== undefined)).toEqual(["proxy"]);
  for (const [, { read_only: isReadOnly }] of gateways) expect(isReadOnly).toBe(true);
});

test(".env.example has each variable of compose.yaml, and no other", () => {
  const used = new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name));
  const example = parseEnv(readFileSync(join(directory, ".env.example"), "utf8"));
  expect(Object.keys(example).toSorted()).toEqual([...used].toSorted());
});

test("the gateways' settings are settings, and can be used", () => {
  const secret = "0123456789abcdef0123456789abcdef";
  const example = parseEnv(readFileSync(join(directory, ".env.example"), "utf8"));
  for (const [, { environment = {} }] of gateways) {
    const written = Object.entries(environment).map(([name, value]) => [
      name,
      value.replaceAll(/\$\{(\w+):\?\}/g, (_, variable: string) => example[variable] || secret),
    ]);
    const own = Object.fromEntries(written.filter(([name]) => !String(name).startsWith("AWS_"))) as Record<string, string>;
    expect(Object.keys(own).filter((name) => !settingNames.includes(name))).toEqual([]);
    expect(readConfig(own)).toMatchObject({
      publicUrl: "https://notes.localhost",
      database: { kind: "postgresql", directUrl: `postgresql://notes:${secret}@postgresql:5432/notes` },
      storage: { kind: "s3", publicEndpoint: "https://files.notes.localhost" },
    });
  }
});
