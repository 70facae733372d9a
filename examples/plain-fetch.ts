// Adds a note with a picture by nothing but fetch. Each step can be sent again: a bad line loses and doubles nothing.
//
//   KEY=tnk_… npx node examples/plain-fetch.ts
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

const { GATEWAY: gateway = "http://127.0.0.1:4000", KEY: key = "" } = process.env;

/** Sends a request again while it gets no answer, or one that says to come back: 429 and 503. */
async function fetchPatiently(url: string, init: RequestInit, triesLeft = 5): Promise<Response> {
  // fetch throws if there is no answer.
  const response = await fetch(url, init).catch(() => undefined);
  if (response !== undefined && ![429, 503].includes(response.status)) return response;
  if (triesLeft === 0) throw new Error(`${url} does not answer. Try again later.`);
  await pause(1000 * Number(response?.headers.get("retry-after") ?? 1));
  return fetchPatiently(url, init, triesLeft - 1);
}

/** Returns the data of an operation. Throws an `Error` if it has failed as a whole. */
async function send<Data>(query: string, variables: object = {}): Promise<Data> {
  const response = await fetchPatiently(`${gateway}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data?: Data; errors?: { message: string }[] }; // as it is asked
  if (data === undefined || errors !== undefined) throw new Error(errors?.map(({ message }) => message).join(" "));
  return data;
}

/** What a mutation returns here: what was asked for, or why it was refused. */
type Result<Name extends string, Payload> = { [name in Name]: Payload | { message: string } };

const { tickets } = await send<{ tickets: { nodes: { id: string; subject: string }[] } }>(
  "query NewestTicket { tickets(first: 1) { nodes { id subject } } }",
);
const [ticket] = tickets.nodes;
if (ticket === undefined) throw new Error("This person sees no ticket.");

// 1. The note. Its key is made once, before the first try: with it, the note is added once however often this is sent.
const { addNote: added } = await send<Result<"addNote", { note: { id: string } }>>(
  "mutation AddNoteForPicture($input: AddNoteInput!) {" +
    "addNote(input: $input) { ... on AddNotePayload { note { id } } ... on Error { message } } }",
  { input: { ticketId: ticket.id, text: "As the picture shows.", isPublic: true, idempotencyKey: randomUUID() } },
);
if ("message" in added) throw new Error(added.message);

// 2. A URL for the file, which works for 60 seconds and needs no key.
const picture = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==",
  "base64",
);
type Upload = { upload: { url: string; method: string; headers: { name: string; value: string }[] } };
const { requestAttachmentUpload: asked } = await send<Result<"requestAttachmentUpload", Upload>>(
  "mutation RequestPictureUpload($input: RequestAttachmentUploadInput!) { requestAttachmentUpload(input: $input) {" +
    "... on RequestAttachmentUploadPayload { upload { url method headers { name value } } } ... on Error { message } } }",
  { input: { noteId: added.note.id, filename: "lamp.png", size: picture.length, idempotencyKey: randomUUID() } },
);
if ("message" in asked) throw new Error(asked.message);

// 3. The bytes. Sent again with the same bytes it answers 200 again.
const { url, method, headers } = asked.upload;
const fields = headers.map(({ name, value }): [string, string] => [name, value]);
const sent = await fetchPatiently(url, { method, headers: fields, body: picture });
console.log(`${ticket.subject}: lamp.png with ${picture.length} bytes, ${sent.status}`);
