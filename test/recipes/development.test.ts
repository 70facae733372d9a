import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";

// The recipes of docs/development.md, executed on copies of the checkout, so that none becomes wrong unnoticed.

const root = resolve(import.meta.dirname, "../..");
const minutes = 60_000;

/** One edit or one block of commands of a recipe, and what complains if it is left out. */
interface Step {
  /** What is edited, or the commands. */
  readonly name: string;
  readonly kind: "diff" | "sh";
  readonly text: string;
  readonly forgotten: { readonly command: string; readonly says: string } | undefined;
}

/** Returns the steps of a recipe: its blocks, each with the next "Forgotten" line that stands before another block. */
function stepsOf(recipe: string): readonly Step[] {
  const document = readFileSync(join(root, "docs/development.md"), "utf8");
  const [, section] = new RegExp(`^## Recipe: ${recipe}$([^]*?)(?=^## |(?![^]))`, "m").exec(document) ?? [];
  if (section === undefined) throw new Error(`docs/development.md has no recipe ${recipe}.`);
  return [...section.matchAll(/^```(diff|sh)\n([^]*?)^```$([^]*?)(?=^```|(?![^]))/gm)].map(
    ([, kind, text = "", after = ""]) => {
      const [, command, says] = /^Forgotten: `([^`]+)`\s+says\s+`([^`]+)`/m.exec(after) ?? [];
      const name = kind === "diff" ? [...text.matchAll(/^\+\+\+ b\/(.*)$/gm)].map(([, path]) => path).join(", ") : text.trim();
      const forgotten = command === undefined || says === undefined ? undefined : { command, says };
      return { name, kind: kind === "diff" ? "diff" : "sh", text, forgotten };
    },
  );
}

interface Run {
  readonly failed: boolean;
  readonly output: string;
}

/** A copy of the checkout: its tracked files, and what `npm install` has made beside them. */
interface Copy {
  run(command: string): Promise<Run>;
  /** Runs a command that must succeed. */
  succeed(command: string): Promise<void>;
  apply(diff: string, ...options: readonly string[]): void;
  remove(): void;
}

function createCopy(): Copy {
  const directory = mkdtempSync(join(tmpdir(), "ticket-notes-recipe-"));
  const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).split("\0");
  for (const file of tracked.filter((name) => name !== "")) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    cpSync(join(root, file), join(directory, file));
  }
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
  cpSync(join(root, "src/generated"), join(directory, "src/generated"), { recursive: true });
  const server = inject("testServer");
  const environment = {
    ...process.env,
    NO_COLOR: "1",
    PATH: `${join(directory, "node_modules/.bin")}:${process.env["PATH"]}`,
    // A run of vitest makes databases of its own on it. A run within a run must not take itself for a worker.
    DATABASE_URL: server.kind === "postgresql" ? server.url : "",
    VITEST: undefined,
    VITEST_POOL_ID: undefined,
    VITEST_WORKER_ID: undefined,
    NODE_OPTIONS: undefined,
  };
  const run = (command: string) =>
    new Promise<Run>((done) => {
      // The compiler reads again only what has changed since it last looked.
      const actual = command
        .replace(/^npx /, "")
        .replace(/^npm run types$/, "tsc --noEmit --incremental --tsBuildInfoFile .types");
      const options = { cwd: directory, env: environment, maxBuffer: 2 ** 26, timeout: 5 * minutes };
      execFile("sh", ["-c", actual], options, (error, stdout, stderr) => {
        done({ failed: error !== null, output: `${stdout}${stderr}` });
      });
    });
  return {
    run,
    async succeed(command) {
      const { failed, output } = await run(command);
      expect(failed, `${command}\n${output}`).toBe(false);
    },
    apply(diff, ...options) {
      const patch = join(directory, ".patch");
      writeFileSync(patch, diff);
      execFileSync("git", ["apply", "--whitespace=nowarn", ...options, patch], {
        cwd: directory,
        // The copy is in no repository, and must not be taken for a part of one around it.
        env: { ...process.env, GIT_CEILING_DIRECTORIES: dirname(directory) },
      });
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Follows the steps in their order. What complains about a forgotten command complains before it has run. */
async function follow(copy: Copy, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (step.kind === "diff") copy.apply(step.text);
    else {
      if (step.forgotten) await expectComplaint(copy, step);
      for (const command of step.text.trim().split("\n")) await copy.succeed(command);
    }
  }
}

async function expectComplaint(copy: Copy, step: Step): Promise<void> {
  const command = commandOf([step]);
  const { failed, output } = await copy.run(command);
  expect(failed, `${command} does not miss ${step.name}`).toBe(true);
  expect(output).toContain(step.forgotten?.says);
}

/**
 * Returns the edits in groups in which one command complains about each edit in words of its own. So one run of the
 * command tells of all of them.
 */
function groupsOf(edits: readonly Step[]): readonly (readonly Step[])[] {
  const groups: Step[][] = [];
  for (const edit of edits) {
    const isFit = (others: readonly Step[]) =>
      others.every(
        ({ forgotten }) =>
          forgotten !== undefined &&
          edit.forgotten?.command === forgotten.command &&
          !edit.forgotten.says.includes(forgotten.says) &&
          !forgotten.says.includes(edit.forgotten.says),
      );
    const group = groups.find(isFit);
    if (group) group.push(edit);
    else groups.push([edit]);
  }
  return groups;
}

/** Leaves out each edit of the finished copy once, and returns how many there were. */
async function leaveOutEach(copy: Copy, steps: readonly Step[]): Promise<number> {
  const edits = steps.filter(({ kind }) => kind === "diff");
  for (const group of groupsOf(edits)) {
    const missed = await missedWithout(copy, group);
    // Where one edit is missing, nothing may come to another one: it is left out alone.
    for (const edit of group) if (!missed.includes(edit)) expect(await missedWithout(copy, [edit])).toEqual([edit]);
  }
  return edits.length;
}

/** Leaves out all `edits` at once, and returns those about which their command complains. */
async function missedWithout(copy: Copy, edits: readonly Step[]): Promise<readonly Step[]> {
  for (const { text } of edits.toReversed()) copy.apply(text, "--reverse");
  try {
    const { failed, output } = await copy.run(commandOf(edits));
    return edits.filter(({ forgotten }) => failed && forgotten && output.includes(forgotten.says));
  } finally {
    for (const { text } of edits) copy.apply(text);
  }
}

/** Returns the command that complains about each of `steps`. */
function commandOf(steps: readonly Step[]): string {
  const [command, ...others] = new Set(steps.map(({ forgotten }) => forgotten?.command));
  if (command !== undefined && others.length === 0) return command;
  throw new Error(`The document does not say what complains without ${steps.map(({ name }) => name).join("; ")}.`);
}

const checks = ["npm run types", "oxlint", "oxfmt --check", "npm run imports", "npm run schema -- --check"];

/**
 * The copies, and the recipes that are followed on each. The copies share nothing, so they are worked on at the same
 * time.
 */
const copies = [
  { first: "a column", others: ["a mutation"] },
  { first: "a relation", others: ["a filter", "a plugin"] },
];

describe.concurrent.each(copies)("on one copy, $first", ({ first, others }) => {
  let copy: Copy;

  beforeAll(() => {
    copy = createCopy();
  });
  afterAll(() => copy.remove());

  test(
    `the recipe ${first}, each forgotten edit of it, and ${others.join(" and ")} after it`,
    async () => {
      const steps = stepsOf(first);
      await follow(copy, steps);
      await copy.succeed("npm run types");
      expect(await leaveOutEach(copy, steps)).toBeGreaterThan(10);
      for (const recipe of others) await follow(copy, stepsOf(recipe));
      for (const check of checks) await copy.succeed(check);
    },
    25 * minutes,
  );
});

test("the recipe for a relation needs at most 105 lines, without its tests", () => {
  const added = stepsOf("a relation")
    .filter(({ kind, name }) => kind === "diff" && !name.startsWith("test/"))
    .flatMap(({ text }) => text.split("\n").filter((line) => line.startsWith("+") && !line.startsWith("+++")));
  expect(added.length).toBeGreaterThan(50);
  expect(added.length).toBeLessThanOrEqual(105);
});
