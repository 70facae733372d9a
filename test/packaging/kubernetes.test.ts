import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { readConfig, settingNames } from "../../src/config.ts";

const root = resolve(import.meta.dirname, "../..");
const directory = join(root, "packaging/kubernetes");
const read = (file: string) => readFileSync(join(directory, file), "utf8");

interface Kustomization {
  readonly resources: readonly string[];
  readonly configMapGenerator: readonly { readonly name: string }[];
  readonly secretGenerator: readonly { readonly name: string }[];
  readonly images: readonly { readonly name: string }[];
}

const kustomization = parse(read("kustomization.yaml")) as Kustomization;
const manifests = kustomization.resources.map((file) => parse(read(file)) as Manifest);

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: object;
}

/** The parts of the Deployment, the first of the manifests, that are asked for here. */
interface Deployment extends Manifest {
  readonly spec: {
    readonly template: { readonly spec: { containers: readonly Container[]; initContainers: readonly Container[] } };
  };
}

interface Container {
  readonly image: string;
  readonly envFrom: readonly {
    readonly configMapRef?: { readonly name: string };
    readonly secretRef?: { readonly name: string };
  }[];
  readonly command?: readonly string[];
}

/**
 * Returns what the compiler says of manifests as objects of the types that `kubernetes-types` makes from the OpenAPI
 * document of Kubernetes: names that do not exist, values of another type, and what is missing.
 */
function problemsOf(written: readonly Manifest[]): string {
  // Within the project, so that the types are found.
  const folder = mkdtempSync(join(root, "node_modules/.cache/manifests-"));
  try {
    const sources = written.map((manifest, index) => {
      const [version = "", group = "core"] = manifest.apiVersion.split("/").toReversed();
      const object = JSON.stringify(manifest, null, 2);
      const name = `${manifest.kind}${index}`;
      return `import type { ${manifest.kind} as ${name} } from "kubernetes-types/${group}/${version}";\nexport const object${index}: ${name} = ${object};\n`;
    });
    writeFileSync(join(folder, "manifests.ts"), sources.join(""));
    const options = ["--noEmit", "--strict", "--ignoreConfig", "--module", "preserve", "--types", "", "--skipLibCheck"];
    const tsc = join(root, "node_modules/.bin/tsc");
    return said(tsc, [...options, join(folder, "manifests.ts")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function said(program: string, words: readonly string[]): string {
  try {
    return execFileSync(program, words, { encoding: "utf8" });
  } catch (error) {
    // The error of a command that has ended has what it printed.
    if (error instanceof Error && "stdout" in error) return String(error.stdout);
    throw error;
  }
}

test("the manifests are of the kinds and forms that Kubernetes has", () => {
  expect(manifests.map(({ kind }) => kind)).toEqual(["Deployment", "Service", "PodDisruptionBudget"]);
  expect(problemsOf(manifests)).toBe("");
});

test("a misspelt name and a value of another type are found", () => {
  const [deployment] = manifests;
  if (deployment === undefined) throw new Error("There is a Deployment");
  expect(problemsOf([{ ...deployment, spec: { ...deployment.spec, replica: 2 } }])).toContain("replica");
  expect(problemsOf([{ ...deployment, spec: { ...deployment.spec, replicas: "2" } }])).toContain("type 'number'");
});

const pods = (manifests[0] as Deployment).spec.template.spec;

test("the service and the budget are about the pods", () => {
  const [deployment, service, budget] = manifests.map(({ spec }) => spec) as [
    { selector: { matchLabels: object }; template: { metadata: { labels: object } } },
    { selector: object },
    { selector: { matchLabels: object } },
  ]; // in the order of the kinds above
  const { labels } = deployment.template.metadata;
  expect([deployment.selector.matchLabels, service.selector, budget.selector.matchLabels]).toEqual([labels, labels, labels]);
});

test("what the pods name is made by the kustomization", () => {
  const made = [...kustomization.configMapGenerator, ...kustomization.secretGenerator].map(({ name }) => name);
  for (const { image, envFrom } of [...pods.containers, ...pods.initContainers]) {
    expect(kustomization.images.map(({ name }) => name)).toContain(image);
    expect(envFrom.map(({ configMapRef, secretRef }) => (configMapRef ?? secretRef)?.name)).toEqual(made);
  }
  for (const { command = [] } of pods.initContainers) expect(() => read(`../../${command[1]}`)).not.toThrow();
});

test("the settings of the examples are settings, and can be used", () => {
  const given = { ...parseEnv(read("settings.env.example")), ...parseEnv(read("secret.env.example")) };
  const own = Object.fromEntries(Object.entries(given).filter(([name]) => !name.startsWith("AWS_")));
  expect(Object.keys(own).filter((name) => !settingNames.includes(name))).toEqual([]);
  const config = readConfig({ ...own, SIGNING_SECRET: "0123456789abcdef0123456789abcdef" });
  expect(config).toMatchObject({ database: { kind: "postgresql" }, storage: { kind: "s3" } });
});
