import { NotFound } from "../../../errors.ts";
import { decodeGlobalId, type NodeType } from "../../../lib/global-ids.ts";

/** The maximum of a column of type integer. */
const maxId = 2_147_483_647;

/** The reads of a record by either kind of id in a path. */
export interface IdReads<Row> {
  readonly byNumber: (number: number) => Promise<readonly (Row | null)[]>;
  readonly byId: (id: string) => Promise<readonly (Row | null)[]>;
}

/**
 * Returns the record of an `:id`, which is an integer id or a base64 node id. Throws {@link NotFound} if there is none,
 * or if the text is neither.
 */
export async function findById<Row>(type: NodeType, text: string, { byNumber, byId }: IdReads<Row>): Promise<Row> {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  const id = number === undefined ? nodeIdOf(type, text) : undefined;
  const [row] = number !== undefined && number <= maxId ? await byNumber(number) : id === undefined ? [] : await byId(id);
  if (!row) throw new NotFound(type.toLowerCase());
  return row;
}

function nodeIdOf(type: NodeType, text: string): string | undefined {
  try {
    const { typename, id } = decodeGlobalId(text);
    return typename === type ? id : undefined;
  } catch {
    return undefined;
  }
}
