// Changes a note that somebody else may have changed meanwhile, with urql.
//
//   KEY=tnk_… npx node examples/urql.ts
import { cacheExchange, Client, fetchExchange, gql } from "@urql/core";

const { GATEWAY: gateway = "http://127.0.0.1:4000", KEY: key = "" } = process.env;

const client = new Client({
  url: `${gateway}/graphql`,
  preferGetMethod: false,
  fetchOptions: { headers: { "X-API-Key": key } },
  exchanges: [cacheExchange, fetchExchange],
});

interface Note {
  readonly id: string;
  readonly version: number;
  readonly text: string;
}
const MyNotes = gql<{ notes: { nodes: (Note & { viewerCanUpdate: boolean })[] } }, object>`
  query NotesByUrql {
    notes(first: 25, filter: { medium: [DEFAULT] }) {
      nodes {
        id
        version
        text
        viewerCanUpdate
      }
    }
  }
`;
type Changed =
  | { __typename: "UpdateNotePayload"; note: Note }
  | { __typename: "NoteChangedError"; message: string; current: Note }
  | { __typename: "ForbiddenError" | "NotFoundError"; message: string };
const Change = gql<{ updateNote: Changed }, { input: object }>`
  mutation ChangeByUrql($input: UpdateNoteInput!) {
    updateNote(input: $input) {
      __typename
      ... on UpdateNotePayload {
        note {
          id
          version
          text
        }
      }
      ... on NoteChangedError {
        message
        current {
          id
          version
          text
        }
      }
      ... on Error {
        message
      }
    }
  }
`;

/** Adds a line to the note as it is now. Who was faster keeps their words: ours are added to them. */
async function addLine(note: Note, line: string): Promise<Note> {
  const input = { id: note.id, text: `${note.text}\n${line}`, expectedVersion: note.version };
  const { data, error } = await client.mutation(Change, { input });
  if (data === undefined) throw error ?? new Error("There is no answer.");
  const { updateNote: changed } = data;
  if (changed.__typename === "UpdateNotePayload") return changed.note;
  if (changed.__typename !== "NoteChangedError") throw new Error(changed.message);
  console.log(`version ${note.version} is now ${changed.current.version}: ${changed.message}`);
  return addLine(changed.current, line);
}

const { data, error } = await client.query(MyNotes, {});
const note = data?.notes.nodes.find(({ viewerCanUpdate }) => viewerCanUpdate);
if (note === undefined) throw error ?? new Error("This person may change no note.");
await addLine(note, "From the first phone.");
const { text } = await addLine(note, "From the second phone."); // which still has the note as it was before
console.log(text.split("\n").slice(-2).join("\n"));
