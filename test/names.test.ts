import { glob, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Declaration, type ModuleItem, parse, type Pattern } from "@swc/core";
import { beforeAll, expect, test } from "vitest";

// One name means one thing in all of src, whether it is exported or not: who looks for it finds it, and not another
// one.

const root = resolve(import.meta.dirname, "..");

/** Names that several files declare, each with the reason. */
const allowed: Readonly<Record<string, string>> = {
  global: "No name of a file: each plugin of Pothos adds its types to the global namespace.",
  positionOf: "The position of a row: from the row itself, and as SQL.",
};

/** What is generated, and the page of GraphiQL with its build, which are programs of their own. */
const isOfOtherProgram = (path: string) => /generated|graphiql\/(page|build)$/.test(path);

let declared: ReadonlyMap<string, ReadonlySet<string>>;

beforeAll(async () => {
  const files = new Map<string, Set<string>>();
  for await (const file of glob("src/**/*.ts", { cwd: root, exclude: isOfOtherProgram })) {
    for (const name of await namesIn(file)) files.set(name, (files.get(name) ?? new Set()).add(file));
  }
  declared = files;
});

async function namesIn(file: string): Promise<string[]> {
  const { body } = await parse(await readFile(join(root, file), "utf8"), { syntax: "typescript" });
  return body.flatMap(namesOfItem);
}

function namesOfItem(item: ModuleItem): string[] {
  return item.type === "ExportDeclaration" ? namesOfDeclaration(item.declaration) : namesOfDeclaration(item);
}

function namesOfDeclaration(declaration: Declaration | ModuleItem): string[] {
  if (declaration.type === "VariableDeclaration") return declaration.declarations.flatMap(({ id }) => namesOfPattern(id));
  if ("identifier" in declaration) return [declaration.identifier.value];
  // The name of a module that is declared anew is a text.
  return "id" in declaration && declaration.id.type === "Identifier" ? [declaration.id.value] : [];
}

function namesOfPattern(pattern: Pattern): string[] {
  if (pattern.type === "Identifier") return [pattern.value];
  if (pattern.type === "ArrayPattern") return pattern.elements.flatMap((element) => (element ? namesOfPattern(element) : []));
  if (pattern.type !== "ObjectPattern") return [];
  return pattern.properties.flatMap((property) => {
    if (property.type === "AssignmentPatternProperty") return [property.key.value];
    return namesOfPattern(property.type === "KeyValuePatternProperty" ? property.value : property.argument);
  });
}

test("declarations of all kinds are found", () => {
  // A function, a type, an interface, a constant, one of several that are taken out of an object.
  for (const name of ["readConfig", "Clock", "Services", "systemClock", "sql"])
    expect([...(declared.get(name) ?? [])]).toHaveLength(1);
});

test("no name is declared by two files", () => {
  const twice = [...declared]
    .filter(([, files]) => files.size > 1)
    .map(([name, files]) => `${name}: ${[...files].toSorted().join(", ")}`);
  expect(twice.filter((line) => !Object.hasOwn(allowed, line.split(":", 1)[0]!))).toEqual([]);
});

test("what is allowed to be declared twice is", () => {
  expect(Object.keys(allowed).filter((name) => (declared.get(name)?.size ?? 0) < 2)).toEqual([]);
});
