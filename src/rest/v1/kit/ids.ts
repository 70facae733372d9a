import { NotFound } from "../../../errors.ts";
import { decodeGlobalId, type NodeType } from "../../../lib/global-ids.ts";

const largestId = 2_147_483_647;

/** Reads that find records by either of the ids that a path may hold. */
export interface IdReads<Row> {
  readonly byNumber: (number: number) => Promise<readonly (Row | null)[]>;
  readonly byId: (id: string) => Promise<readonly (Row | null)[]>;
}

/** The record of an `:id`: an integer id, or a base64 node id. @throws {NotFound} also where it is neither. */
export async function findById<Row>(type: NodeType, text: string, { byNumber, byId }: IdReads<Row>): Promise<Row> {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  const id = number === undefined ? nodeIdOf(type, text) : undefined;
  const [row] = number !== undefined && number <= largestId ? await byNumber(number) : id === undefined ? [] : await byId(id);
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
