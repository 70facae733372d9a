import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import dockerignore from "@balena/dockerignore";
import { validate } from "dockerfile-utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readStages, type Stage, type Step } from "./dockerfile.ts";
import { contextFiles } from "./image.ts";

const root = resolve(import.meta.dirname, "../..");
const dockerfiles = ["Dockerfile", "packaging/pgbouncer/Dockerfile"];

/** What makes an image that serves: each rule returns what breaks it. */
const rules: Readonly<Record<string, (stages: readonly Stage[]) => readonly string[]>> = {
  "a base has a version": (stages) =>
    stages.map(({ base }) => base).filter((base) => !isStage(base, stages) && !/:(?!latest$)[\w.-]*\d|:\w+-slim$/.test(base)),
  "the process is of nobody in particular, and not of root": (stages) => {
    const user = lastOf("USER", stages)?.text ?? "root";
    return /^(root|0)(:|$)/.test(user) ? [user] : [];
  },
  "CMD begins the program itself, not a shell or npm": (stages) => {
    const { text = "", words = [] } = lastOf("CMD", stages) ?? {};
    return words.length === 0 || /^(ba)?sh$|^np[mx]$|^yarn$/.test(words[0] ?? "") ? [text] : [];
  },
  "a health check begins the program itself": (stages) =>
    allOf("HEALTHCHECK", stages).flatMap(({ text, words }) => (words === undefined ? [text] : [])),
  "nothing is added that COPY could copy": (stages) => allOf("ADD", stages).map(({ text }) => text),
  "apt-get installs what is named, and leaves no lists": (stages) =>
    allOf("RUN", stages)
      .map(({ text }) => text)
      .filter(
        (text) =>
          /apt-get install/.test(text) && !/(?=.*--no-install-recommends)(?=.*rm -rf \/var\/lib\/apt\/lists)/.test(text),
      ),
  "npm ci installs for production, and runs no scripts of packages": (stages) =>
    allOf("RUN", stages)
      .map(({ text }) => text)
      .filter(
        (text) => /\bnpm (i|install)\b/.test(text) || (/\bnpm ci\b/.test(text) && !/--omit=dev .*--ignore-scripts/.test(text)),
      ),
  "what is copied before the dependencies are installed names them alone": (stages) => {
    const installing = stages.find(({ steps }) => steps.some(({ text }) => /\bnpm ci\b/.test(text)));
    const before =
      installing?.steps.slice(
        0,
        installing.steps.findIndex(({ text }) => /\bnpm ci\b/.test(text)),
      ) ?? [];
    return before
      .filter(({ instruction, text }) => instruction === "COPY" && /^(\.|src|\*)\s/.test(text))
      .map(({ text }) => text);
  },
};

const isStage = (base: string, stages: readonly Stage[]) => stages.some(({ name }) => name === base);
const allOf = (instruction: string, stages: readonly Stage[]): readonly Step[] =>
  stages.flatMap(({ steps }) => steps.filter((step) => step.instruction === instruction));
const lastOf = (instruction: string, stages: readonly Stage[]): Step | undefined =>
  stages.at(-1)?.steps.findLast((step) => step.instruction === instruction);

describe.each(dockerfiles)("%s", (path) => {
  test("is one that Docker understands", () => {
    expect(validate(readFileSync(join(root, path), "utf8"))).toEqual([]);
  });

  test.each(Object.entries(rules))("%s", (_, broken) => {
    expect(broken(readStages(join(root, path)))).toEqual([]);
  });
});

describe("each rule finds what breaks it", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "gateway-dockerfile-"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const breaches: Readonly<Record<string, string>> = {
    "a base has a version": "FROM node:latest",
    "the process is of nobody in particular, and not of root": 'FROM debian:trixie-slim\nUSER 0:0\nCMD ["node"]',
    "CMD begins the program itself, not a shell or npm": 'FROM debian:trixie-slim\nCMD ["npm", "start"]',
    "a health check begins the program itself": "FROM debian:trixie-slim\nHEALTHCHECK CMD curl localhost",
    "nothing is added that COPY could copy": "FROM debian:trixie-slim\nADD src src",
    "apt-get installs what is named, and leaves no lists": "FROM debian:trixie-slim\nRUN apt-get install --yes curl",
    "npm ci installs for production, and runs no scripts of packages": "FROM debian:trixie-slim\nRUN npm ci",
    "what is copied before the dependencies are installed names them alone":
      "FROM debian:trixie-slim\nCOPY . .\nRUN npm ci --omit=dev --ignore-scripts",
  };

  test.each(Object.entries(rules))("%s", (name, broken) => {
    const path = join(directory, "Dockerfile");
    writeFileSync(path, `${breaches[name]}\n`);
    expect(broken(readStages(path))).not.toEqual([]);
  });
});

describe("the context of the build", () => {
  test("has all that the Dockerfile copies", () => {
    const copied = allOf("COPY", readStages(join(root, "Dockerfile"))).filter(({ flags }) => flags["from"] === undefined);
    const sources = copied.flatMap(({ text }) => text.split(/\s+/).slice(0, -1));
    expect(sources.length).toBeGreaterThan(5);
    expect(sources.filter((source) => contextFiles(root, source).length === 0)).toEqual([]);
  });

  test("has no secrets, no installed packages and nothing that is generated", () => {
    const ignored = dockerignore.default().add(readFileSync(join(root, ".dockerignore"), "utf8"));
    for (const path of [
      ".env",
      ".git/config",
      ".data/signing-secret",
      "node_modules/x/index.js",
      "src/generated/x.ts",
      "test/x.ts",
    ])
      expect(ignored.ignores(path), path).toBe(true);
  });
});
