import { builder } from "../graphql/kit/builder.ts";
import { type Connection, foreignCursor, readPage, toConnection } from "../graphql/kit/connections.ts";
import type { FieldOptions } from "../graphql/kit/field-options.ts";
import { prices } from "../limits/cost.ts";
import type { CursorScope } from "../query/model/cursor.ts";
import type { CountedSlice } from "../query/model/selection.ts";
import { readSearchQuery } from "../search/input.ts";
import { maxScore } from "../search/relations.ts";
import type { TextHighlight } from "../search/service.ts";
import { NoteFilterInput, NoteRef, readNoteFilter } from "./graphql.ts";
import { foundOrdering, isOfItsQuery } from "./input.ts";
import type { FoundNote } from "./service.ts";

const TextHighlightRef = builder.objectRef<TextHighlight>("TextHighlight").implement({
  description: "A part of an excerpt of a text.",
  fields: (t) => ({
    text: t.exposeString("text", { description: "The part as plain text, without the markup of the note." }),
    isMatch: t.exposeBoolean("isMatch", { description: "Whether this part is what was searched for." }),
  }),
});

/** Returns the options of a field that is computed from columns of the found note. */
function computedFrom(...columns: readonly (keyof FoundNote)[]): { readonly fieldOptions: FieldOptions } {
  return { fieldOptions: { kind: "columns", columns } };
}

/** Returns the note of an edge of this connection. */
function foundNoteOf({ node }: { readonly node: unknown }): FoundNote {
  return node as FoundNote; // searchNotes returns no others
}

const NoteSearchEdge = builder.edgeObject({
  name: "NoteSearchEdge",
  type: NoteRef,
  description: "A note that was found, how well it matches, and its cursor.",
  fields: (t) => ({
    score: t.float({
      description:
        "How well the note matches: from 0 to 1, and higher the more often and the closer to each other the words occur in a short " +
        "text. It depends on this note and the query alone, and is good for comparing results of one query.",
      extensions: computedFrom("score"),
      resolve: (edge) => foundNoteOf(edge).score / maxScore,
    }),
    highlights: t.field({
      type: [TextHighlightRef],
      description:
        "An excerpt of the note's plain text around what was found, of about 240 characters, in parts: joined, they are the " +
        "excerpt. An ellipsis stands for what is left out. No part is a match if only the markup of the note is, such as the address " +
        "of a link. It counts as a rendered text, as `Note.textPlain` does.",
      extensions: { ...computedFrom("text", "query"), rendersText: true },
      async resolve(edge, _args, { services, viewer, loadWith }) {
        const { text, query } = foundNoteOf(edge);
        const plain = await services.texts.renderPlain(text, viewer);
        return [...(await loadWith(services.search.highlights, query, plain))];
      },
    }),
  }),
});

type FoundNotesPage = Connection<FoundNote> &
  Pick<CountedSlice<FoundNote>, "isPartial"> & {
    /** Reads what may be meant instead. */
    readonly suggest: () => Promise<string | null>;
  };

/** Returns a page with the members that its type of Pothos' Relay plugin lacks. */
function foundPageOf(page: object): FoundNotesPage {
  return page as FoundNotesPage; // searchNotes returns no others
}

const NoteSearchConnection = builder.connectionObject(
  {
    name: "NoteSearchConnection",
    type: NoteRef,
    description: "A page of the notes that a search found, the best match first.",
    fields: (t) => ({
      nodes: t.field({
        type: [NoteRef],
        description: "The nodes of this page without their cursors, in the order of `edges`.",
        resolve: (page) => foundPageOf(page).nodes,
      }),
      isPartial: t.boolean({
        description:
          "Whether more notes match than were ranked: the newest 2,000 are. With a filter, the newest 5,000 matches are looked at " +
          "to find them. A narrower query or filter finds the others.",
        resolve: (page) => foundPageOf(page).isPartial === true,
      }),
      suggestion: t.string({
        nullable: true,
        description:
          "The query with similar words in place of those that no note has, if a word seems to be misspelled and this query finds " +
          "something with the same filter. It is made of notes that the viewer may see only. Words with four letters or more and " +
          "without digits are looked at, not those to leave out or with `*`. Null if every word occurs, if nothing similar does, and " +
          "if the database has no extension `pg_trgm`. It costs as much as another search.",
        extensions: { points: prices.search },
        resolve: (page) => foundPageOf(page).suggest(),
      }),
    }),
  },
  NoteSearchEdge,
);

const searchScope: CursorScope = { name: "Query.searchNotes", ordering: foundOrdering };

builder.queryField("searchNotes", (t) =>
  t.field({
    type: NoteSearchConnection,
    description:
      "Returns the notes whose text has all words of a query and that the viewer may see, the best match first. A note can be found " +
      "as soon as it is written. Requires the scope `notes:read`.",
    extensions: { points: prices.search },
    args: {
      query: t.arg.string({
        required: true,
        description:
          'What to find: words, `"phrases"` in quotation marks, `-words` that must not occur, and beginnings of words with `*`. At ' +
          "most 256 characters and 16 words or phrases; everything else that is typed is read as words. Upper and lower case are the " +
          "same. Words are found in their other forms if the account has a language for them (`Account.languages`); a query of " +
          "nothing but words such as `the` finds nothing then. A blank query, or one with words to leave out only, fails with " +
          "INVALID_INPUT.",
      }),
      filter: t.arg({
        type: NoteFilterInput,
        description: "Conditions on the notes. Without it all visible notes are searched.",
      }),
      first: t.arg.int({ description: "The page size: 1 to 100. Default: 25." }),
      after: t.arg.string({ description: "Returns only the nodes after this cursor of the same search." }),
    },
    async resolve(_root, { query, filter, first, after }, context, info) {
      const { services, viewer } = context;
      const read = {
        query: readSearchQuery(query),
        filter: readNoteFilter(filter),
        ordering: foundOrdering,
        page: readPage({ first, after }, searchScope),
      };
      if (!isOfItsQuery(read)) throw foreignCursor("after");
      const found = await services.notes.search(viewer, read, context.selectedPage(info, searchScope));
      const total = () => Promise.reject(new TypeError("The type of a search has no total."));
      return Object.assign(toConnection(found, { page: read.page, scope: searchScope, total }), {
        isPartial: found.isPartial,
        suggest: () => (found.rows.length > 0 ? Promise.resolve(null) : services.notes.suggest(viewer, read)),
      });
    },
  }),
);
