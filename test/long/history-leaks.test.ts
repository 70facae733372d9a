import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Note, Ticket } from "#generated/prisma/client.ts";
import { addAccount, call, keyWith, sendText, startApp, type TestAccount, type TestApp } from "../support/app.ts";
import { addNote, addTicket, globalId } from "../support/factories.ts";

// Notes that cross from public to internal and back while their tickets change requesters. Each state has a word of its
// own. Whatever is asked, nobody gets the word of a state that they may not see, or a count that tells of one.
const notes = 60;
const steps = 10;
const wantedAskings = 10_000;

let app: TestApp;
let account: TestAccount;
let publicOnly: string;
let askings = 0;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
  publicOnly = await keyWith(app, account.specialist, ["tickets:read", "notes:read", "notes:write"]);
});
afterAll(() => app.close());

interface State {
  readonly word: string;
  readonly isPublic: boolean;
}

/** A note with all of its states, the last one as it is now. */
interface World {
  readonly ticket: Ticket;
  readonly note: Note;
  readonly states: readonly State[];
  readonly requesterId: string;
}

/** A random number generator with a seed, so that a failure can be repeated. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

async function update(key: string, input: object, idempotencyKey?: string): Promise<void> {
  const text = `mutation ($input: UpdateNoteInput!) { updateNote(input: $input) { __typename } }`;
  const { data } = await sendText<{ updateNote: { __typename: string } }>(app.url, key, text, {
    input: { ...input, idempotencyKey },
  });
  expect(data.updateNote.__typename).toBe("UpdateNotePayload");
}

async function createWorld(seed: number): Promise<World> {
  const random = createRandom(seed);
  const ticket = await addTicket(app, account, { requester: account.customer });
  const newState = (): State => ({ word: `w${uuidv7().replaceAll("-", "")}`, isPublic: random(2) === 0 });
  const first = newState();
  const note = await addNote(app, ticket, account.specialist, { text: first.word, isPublic: first.isPublic });
  const states = [first];
  let requesterId = account.customer.id;
  for (let step = 0; step < steps; step += 1) {
    if (random(4) === 0) {
      requesterId = random(2) === 0 ? account.customer.id : account.otherCustomer.id;
      await app.database.prisma.ticket.updateMany({ where: { id: ticket.id }, data: { requesterId } });
    }
    const last = states.at(-1);
    // Sometimes an earlier text comes back.
    const next = random(4) === 0 ? { word: states[random(states.length)]!.word, isPublic: random(2) === 0 } : newState();
    if (last?.word === next.word && last.isPublic === next.isPublic) continue;
    await update(account.administrator.key, { id: note.id, text: next.word, isPublic: next.isPublic });
    states.push(next);
  }
  return { ticket, note, states, requesterId };
}

/** The edits that somebody sees who sees the public states only: their number, and the words before them. */
function publicEdits(states: readonly State[]): readonly string[] {
  const seen = states.map((state, index) => ({ ...state, index })).filter(({ isPublic }) => isPublic);
  return seen.slice(1).flatMap((after, index) => {
    const before = seen[index]!;
    return after.index === before.index + 1 || before.word !== after.word ? [before.word] : [];
  });
}

const edits =
  "totalCount nodes { id version text editedAt isPublic editor { name } diff { kind text } } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";

/** Returns what is asked of a note, each with its answer as text. */
async function askAll(key: string, { note, ticket, states }: World): Promise<readonly string[]> {
  const { rows } = await app.database.pool.query<{ id: string }>("SELECT id FROM note_edits WHERE note_id = $1", [note.id]);
  const askText = (query: string) => sendText<unknown>(app.url, key, query).then((answer) => JSON.stringify(answer));
  const rest = (method: string, path: string, headers: Record<string, string> = {}) =>
    call(app, key, method, path, undefined, headers).then(({ body, headers: sent }) =>
      JSON.stringify([body, sent.get("etag")]),
    );
  const id = `"${note.id}"`;
  const asked = [
    askText(`{ note(id: ${id}) { text textPlain isEdited editor { name } version edits(first: 100) { ${edits} } } }`),
    askText(`{ note(id: ${id}) { edits(last: 3) { ${edits} } } }`),
    askText(`{ ticket(id: "${ticket.id}") { noteCount lastNoteAt notes { totalCount nodes { text edits { ${edits} } } } } }`),
    askText(`{ notes(filter: { ids: [${id}] }) { totalCount nodes { text } } }`),
    askText(`{ noteByNumber(number: ${note.number}) { text edits { totalCount } } }`),
    ...rows.map((row) =>
      askText(`{ node(id: "${globalId("NoteEdit", row.id)}") { ... on NoteEdit { text diff { text } version } } }`),
    ),
    ...rows.map((row) =>
      askText(`mutation { restoreNote(input: { id: ${id}, editId: "${row.id}", expectedVersion: 1000000 }) {
        __typename ... on NoteChangedError { current { text } } ... on Error { message } } }`),
    ),
    rest("GET", `/v2/tickets/notes/${note.id}`),
    ...states.map((_state, index) =>
      rest("GET", `/v2/tickets/notes/${note.id}`, { "if-none-match": `"${index + 1}-${note.id.slice(-12)}-x"` }),
    ),
    rest("GET", `/v2/tickets/notes?ticket_id=${ticket.id}`),
    rest("GET", `/v1/notes/${note.number}`),
    rest("GET", `/v1/requests/${ticket.number}/notes`),
  ];
  askings += asked.length;
  return Promise.all(asked);
}

test(
  `nothing leaks in ${wantedAskings} askings of notes that crossed from public to internal`,
  { timeout: 600_000 },
  async () => {
    for (let seed = 1; seed <= notes || askings < wantedAskings; seed += 1) {
      const world = await createWorld(seed);
      const { states, requesterId } = world;
      const isPublic = states.at(-1)?.isPublic === true;
      const publicWords = new Set(states.filter((state) => state.isPublic).map(({ word }) => word));
      const viewers = [
        { key: account.customer.key, sees: isPublic && requesterId === account.customer.id },
        { key: account.otherCustomer.key, sees: isPublic && requesterId === account.otherCustomer.id },
        { key: publicOnly, sees: isPublic },
      ];
      for (const { key, sees } of viewers) {
        const answers = await askAll(key, world);
        const told = new Set(answers.flatMap((answer) => answer.match(/w[0-9a-f]{32}/g) ?? []));
        expect({ seed, leaked: [...told].filter((word) => !sees || !publicWords.has(word)) }).toEqual({ seed, leaked: [] });
        if (!sees) continue;
        const { data } = JSON.parse(answers[0]!) as {
          data: { note: { isEdited: boolean; edits: { totalCount: number; nodes: { text: string }[] } } };
        };
        const wanted = publicEdits(states).toReversed();
        expect({ seed, words: data.note.edits.nodes.map(({ text }) => text) }).toEqual({ seed, words: wanted });
        expect([data.note.edits.totalCount, data.note.isEdited]).toEqual([wanted.length, wanted.length > 0]);
      }
    }
    expect(askings).toBeGreaterThanOrEqual(wantedAskings);
  },
);
