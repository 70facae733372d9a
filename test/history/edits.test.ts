import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Note, NoteCategory, Ticket } from "#generated/prisma/client.ts";
import { addAccount, keyWith, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, statementsOf } from "../support/factories.ts";

let app: TestApp;
let account: TestAccount;
let ticket: Ticket;
/** The key of a specialist who sees public notes only. */
let publicOnly: string;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  publicOnly = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "notes:write"]);
});
beforeEach(async () => {
  ticket = await addTicket(app, account, { requester: account.customer });
});
afterAll(() => app.close());

interface Change {
  readonly kind: "EQUAL" | "INSERTED" | "DELETED";
  readonly text: string;
}

interface SeenEdit {
  readonly id: string;
  readonly version: number;
  readonly text: string | null;
  readonly isPublic: boolean;
  readonly categories: readonly NoteCategory[];
  readonly isRedacted: boolean;
  readonly editor: { readonly uuid: string } | null;
  readonly diff: readonly Change[] | null;
}

interface SeenNote {
  readonly text: string;
  readonly isEdited: boolean;
  readonly editor: { readonly uuid: string } | null;
  readonly edits: {
    readonly totalCount: number;
    readonly nodes: readonly SeenEdit[];
    readonly edges: readonly { readonly cursor: string }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

const seenFields = `text isEdited editor { uuid } edits(first: $first, after: $after) {
  totalCount pageInfo { hasNextPage endCursor } edges { cursor }
  nodes { id version text isPublic categories isRedacted editor { uuid } diff { kind text } }
}`;

async function see(key: string, { id }: Pick<Note, "id">, first = 100, after?: string): Promise<SeenNote | null> {
  const text = `query ($id: ID!, $first: Int, $after: String) { note(id: $id) { ${seenFields} } }`;
  const { data, errors } = await sendText<{ note: SeenNote | null }>(app.url, key, text, { id, first, after });
  expect(errors).toEqual([]);
  return data.note;
}

interface Result {
  readonly __typename: string;
  readonly note?: { readonly text: string; readonly version: number; readonly isPublic: boolean };
}

async function mutate(key: string, name: string, input: object): Promise<Result> {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}`;
  const text = `mutation ($input: ${type}Input!) { result: ${name}(input: $input) { __typename ... on ${type}Payload { note { text version isPublic } } } }`;
  const { data, errors } = await sendText<{ result: Result }>(app.url, key, text, { input });
  expect(errors).toEqual([]);
  return data.result;
}

const textsOf = (note: SeenNote | null) => note?.edits.nodes.map(({ text }) => text);
const older = (changes: readonly Change[]) =>
  changes
    .filter(({ kind }) => kind !== "INSERTED")
    .map(({ text }) => text)
    .join("");
const newer = (changes: readonly Change[]) =>
  changes
    .filter(({ kind }) => kind !== "DELETED")
    .map(({ text }) => text)
    .join("");

test("who rewrites the words of another is seen by both", async () => {
  const note = await addNote(app, ticket, account.customer, { text: "I never agreed to 900 EUR" });
  await mutate(account.specialist.key, "updateNote", { id: note.id, text: "I agree to 900 EUR" });
  for (const key of [account.customer.key, account.specialist.key, account.administrator.key]) {
    expect(await see(key, note)).toMatchObject({
      isEdited: true,
      editor: { uuid: account.specialist.id },
      edits: {
        totalCount: 1,
        nodes: [
          {
            version: 1,
            text: "I never agreed to 900 EUR",
            isPublic: true,
            isRedacted: false,
            editor: { uuid: account.specialist.id },
            diff: [
              { kind: "EQUAL", text: "I " },
              { kind: "DELETED", text: "never agreed" },
              { kind: "INSERTED", text: "agree" },
              { kind: "EQUAL", text: " to 900 EUR" },
            ],
          },
        ],
      },
    });
  }
  expect(await see(account.otherCustomer.key, note)).toBeNull();
});

test("what was internal between two public states is not seen, and one edit joins them", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "A" });
  await mutate(account.specialist.key, "updateNote", { id: note.id, text: "B, which nobody may see", isPublic: false });
  await mutate(account.administrator.key, "updateNote", { id: note.id, text: "C", isPublic: true });
  expect(textsOf(await see(account.specialist.key, note))).toEqual(["B, which nobody may see", "A"]);
  for (const key of [account.customer.key, publicOnly]) {
    const seen = await see(key, note);
    expect(seen?.edits).toMatchObject({ totalCount: 1, nodes: [{ text: "A", editor: { uuid: account.administrator.id } }] });
    expect(seen?.edits.nodes[0]?.diff).toEqual([
      { kind: "DELETED", text: "A" },
      { kind: "INSERTED", text: "C" },
    ]);
    expect(JSON.stringify(seen)).not.toContain("nobody may see");
  }
});

test("a note that was internal meanwhile and came back as it was has not been edited for those who did not see it", async () => {
  const note = await addNote(app, ticket, account.customer, { text: "Mine" });
  await mutate(account.specialist.key, "updateNote", { id: note.id, isPublic: false });
  expect(await see(account.customer.key, note)).toBeNull();
  await mutate(account.specialist.key, "updateNote", { id: note.id, isPublic: true });
  expect(await see(account.customer.key, note)).toMatchObject({
    isEdited: false,
    editor: null,
    edits: { totalCount: 0, nodes: [] },
  });
  expect(await see(account.specialist.key, note)).toMatchObject({ isEdited: true, edits: { totalCount: 2 } });
});

test("an internal note that becomes public has no past for those who could not see it", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "Draft", isPublic: false });
  await mutate(account.specialist.key, "updateNote", { id: note.id, text: "Better draft" });
  await mutate(account.specialist.key, "updateNote", { id: note.id, text: "Final", isPublic: true });
  expect(await see(account.customer.key, note)).toMatchObject({ isEdited: false, editor: null, edits: { totalCount: 0 } });
  const edits = (await see(account.specialist.key, note))?.edits.nodes ?? [];
  for (const { id } of edits) {
    const text = "query ($id: ID!) { node(id: $id) { __typename ... on NoteEdit { text } } }";
    expect((await sendText(app.url, account.customer.key, text, { id })).data).toEqual({ node: null });
    expect((await sendText(app.url, account.specialist.key, text, { id })).data).toMatchObject({
      node: { __typename: "NoteEdit" },
    });
  }
});

test("a state is restored as a new edit, by who may update the note and saw that state", async () => {
  const note = await addNote(app, ticket, account.customer, { text: "First" });
  await mutate(account.specialist.key, "updateNote", { id: note.id, text: "Second", categories: ["PRE_SCAN"] });
  const edit = (await see(account.customer.key, note))?.edits.nodes[0];
  const input = { id: note.id, editId: edit?.id };
  expect((await mutate(account.otherCustomer.key, "restoreNote", input)).__typename).toBe("NotFoundError");
  expect((await mutate(publicOnly, "restoreNote", { ...input, expectedVersion: 1 })).__typename).toBe("NoteChangedError");
  const restored = await mutate(account.customer.key, "restoreNote", { ...input, expectedVersion: 2 });
  expect(restored).toMatchObject({ note: { text: "First", version: 3, isPublic: true } });
  expect(textsOf(await see(account.customer.key, note))).toEqual(["Second", "First"]);
  expect(await mutate(account.customer.key, "restoreNote", input)).toMatchObject({ note: { version: 3 } });
});

test("a state of another note, an internal state without its scope and an unknown edit are not found", async () => {
  const [note, other] = [
    await addNote(app, ticket, account.specialist, { text: "A" }),
    await addNote(app, ticket, account.specialist),
  ];
  await mutate(account.specialist.key, "updateNote", { id: note.id, text: "B", isPublic: false });
  await mutate(account.specialist.key, "updateNote", { id: note.id, text: "C", isPublic: true });
  const [internal, first] = (await see(account.specialist.key, note))?.edits.nodes ?? [];
  for (const [key, id, editId] of [
    [account.specialist.key, other.id, first?.id],
    [publicOnly, note.id, internal?.id],
    [account.customer.key, note.id, internal?.id],
    [account.specialist.key, note.id, note.id],
  ] as const) {
    expect((await mutate(key, "restoreNote", { id, editId })).__typename).toBe("NotFoundError");
  }
  expect(await mutate(account.specialist.key, "restoreNote", { id: note.id, editId: internal?.id })).toMatchObject({
    note: { text: "B", isPublic: false },
  });
});

test("an update that changes nothing, a new requester and a new author's name are no edits", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "Same" });
  await mutate(account.specialist.key, "updateNote", { id: note.id, text: "Same", isPublic: true });
  await app.database.prisma.ticket.updateMany({ where: { id: ticket.id }, data: { requesterId: account.otherCustomer.id } });
  expect((await see(account.specialist.key, note))?.edits.totalCount).toBe(0);
});

test("who became the requester later sees the public states, and who was it before sees nothing", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "One" });
  await mutate(account.specialist.key, "updateNote", { id: note.id, text: "Two" });
  await app.database.prisma.ticket.updateMany({ where: { id: ticket.id }, data: { requesterId: account.otherCustomer.id } });
  expect(textsOf(await see(account.otherCustomer.key, note))).toEqual(["One"]);
  expect(await see(account.customer.key, note)).toBeNull();
});

test("whoever changes a note without the gateway is seen to have changed it", async () => {
  const note = await addNote(app, ticket, account.specialist, { text: "Before" });
  await app.database.prisma.note.updateMany({ where: { id: note.id }, data: { text: "After" } });
  expect(await see(account.customer.key, note)).toMatchObject({ edits: { nodes: [{ text: "Before", editor: null }] } });
});

test("a page of notes with their edits is one statement", async () => {
  for (const text of ["a", "b", "c"]) {
    const note = await addNote(app, ticket, account.specialist, { text });
    await mutate(account.specialist.key, "updateNote", { id: note.id, text: `${text} edited` });
  }
  const text = `query ($id: ID!) { ticket(id: $id) { notes { nodes { editor { name } edits(first: 5) { nodes { text editor { name } diff { text } } } } } } }`;
  const statements = await statementsOf(app, () => sendText(app.url, account.customer.key, text, { id: ticket.id }));
  expect(statements).toHaveLength(1);
});

/** A change of a note: what it has afterwards, and who makes it. */
interface Step {
  readonly text: string;
  readonly isPublic: boolean;
  readonly categories: NoteCategory[];
  readonly byAdministrator: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  text: fc.constantFrom("a", "a b", "b c", "a b c"),
  isPublic: fc.boolean(),
  categories: fc.constantFrom<NoteCategory[]>([], ["PRE_SCAN"]),
  byAdministrator: fc.boolean(),
});

/** The edits that a viewer sees of `states`, the newest first, computed without SQL. */
function expectedEdits(states: readonly Step[], isLimited: boolean) {
  const seen = states.map((state, index) => ({ ...state, index })).filter(({ isPublic }) => isPublic || !isLimited);
  const pairs = seen.slice(1).map((after, index) => ({ before: seen[index]!, after }));
  const edits = pairs.filter(({ before, after }) => {
    const isNext = after.index === before.index + 1;
    return isNext || before.text !== after.text || before.categories.join() !== after.categories.join();
  });
  return edits.toReversed().map(({ before, after }) => ({
    text: before.text,
    isPublic: before.isPublic,
    categories: before.categories,
    editor: { uuid: after.byAdministrator ? account.administrator.id : account.specialist.id },
    after: after.text,
  }));
}

test("any history is seen as its states allow, in pages of any size", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 4 }), async (given, size) => {
      const [first, ...others] = given;
      if (!first) return;
      const { text, isPublic, categories } = first;
      const note = await addNote(app, ticket, account.specialist, { text, isPublic, categories });
      const states: Step[] = [first];
      for (const next of others) {
        const editor = next.byAdministrator ? account.administrator : account.specialist;
        const { byAdministrator: _by, ...fields } = next;
        await mutate(editor.key, "updateNote", { id: note.id, ...fields });
        const last = states.at(-1);
        const isSame =
          last?.text === next.text && last.isPublic === next.isPublic && last.categories.join() === next.categories.join();
        if (!isSame) states.push(next);
      }
      for (const [key, isLimited] of [
        [account.specialist.key, false],
        [publicOnly, true],
        [account.customer.key, true],
      ] as const) {
        const seen = await see(key, note);
        const isSeen = states.at(-1)?.isPublic === true || !isLimited;
        expect(seen !== null).toBe(isSeen);
        if (!seen) continue;
        const wanted = expectedEdits(states, isLimited);
        expect(seen.edits.totalCount).toBe(wanted.length);
        expect(seen.isEdited).toBe(wanted.length > 0);
        expect(seen.editor).toEqual(wanted[0]?.editor ?? null);
        expect(seen.edits.nodes).toMatchObject(wanted.map(({ after: _after, ...edit }) => edit));
        expect(seen.edits.nodes.map(({ diff }) => newer(diff ?? []))).toEqual(wanted.map(({ after }) => after));
        expect(seen.edits.nodes.map(({ diff }) => older(diff ?? []))).toEqual(wanted.map(({ text: before }) => before));
        const walked: string[] = [];
        for (let after: string | undefined; ;) {
          const page = await see(key, note, size, after);
          walked.push(...(page?.edits.nodes.map(({ id }) => id) ?? []));
          if (!page?.edits.pageInfo.hasNextPage) break;
          after = page.edits.pageInfo.endCursor ?? undefined;
        }
        expect(walked).toEqual(seen.edits.nodes.map(({ id }) => id));
      }
    }),
    { numRuns: 60 },
  );
});
