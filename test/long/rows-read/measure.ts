import pg from "pg";
import { call, sendText, type TestApp } from "../../support/app.ts";
import { type PlanNode, type Scan, scansOf } from "../../support/rows-read.ts";
import type { RecordedStatement } from "../../support/statements.ts";
import { linksOf, pathOf, v1 } from "../../support/v1.ts";
import type { AskingRole, FilledAccount } from "./accounts.ts";
import { filledIn, type Operation } from "./operations.ts";

/** What one operation read for one role in one account. */
export interface Measurement {
  readonly operation: Operation;
  readonly role: AskingRole;
  readonly filled: FilledAccount;
  /** Whether the role may not ask that. */
  readonly isRefused: boolean;
  /** How many rows of the operation's table the answer has. */
  readonly answered: number;
  /** Whether the answer says that its page ended early. */
  readonly isPartial: boolean;
  /** The rows of the operation's table that each statement of its page read. */
  readonly pageReads: readonly number[];
  /** The rows of the operation's table that were read to count them. */
  readonly counted: number;
  /** The rows of all other tables. */
  readonly others: number;
  /** The pages of 8 KB that were touched, those of indexes among them. */
  readonly buffers: number;
  /** How the rows of the operation's table were found, in the order of the plans. */
  readonly indexes: readonly string[];
}

/** An operation's answer, as far as it is looked at. */
interface Answer {
  readonly isRefused: boolean;
  readonly rows: number;
  readonly isPartial: boolean;
}

interface StatementReads {
  readonly scans: readonly Scan[];
  readonly buffers: number;
}

/** Returns a function that sends an operation and explains its statements. A statement is explained once. */
export function createMeasure(
  app: TestApp,
): (operation: Operation, role: AskingRole, filled: FilledAccount) => Promise<Measurement> {
  const known = new Map<string, Promise<StatementReads>>();
  const readsOf = (statement: RecordedStatement, isOften: boolean): Promise<StatementReads> => {
    const name = JSON.stringify(statement);
    const reads = known.get(name) ?? explained(app, statement, isOften);
    known.set(name, reads);
    return reads;
  };

  return async (operation, role, filled) => {
    const key = filled.keys[role];
    const text = filledIn(operation, filled, await cursorFor(app, operation, key, filled));
    const path = operation.isNext ? await nextPathOf(app, text, key) : text;
    const { result, statements } = await app.statements.during(() => ask(app, operation, path, key));
    const { table } = operation;
    const of = { operation, role, filled, answered: result.rows, isPartial: result.isPartial, isRefused: result.isRefused };
    const asked = statements.filter(isRead);
    const reads: (StatementReads & { readonly isCount: boolean })[] = [];
    for (const statement of asked) {
      const isOften = asked.length <= mostExecutedOften;
      reads.push({ ...(await readsOf(statement, isOften)), isCount: isCount(statement) });
    }
    const own = ({ scans }: StatementReads) => scans.filter((scan) => scan.table === table);
    // A list of /v1 counts the withdrawn notes as well.
    const isOther = (scan: Scan, isCounted: boolean) =>
      scan.table !== table && !(isCounted && table === "notes" && scan.table === "withdrawn_notes");
    const pages = reads.filter((one) => !one.isCount && own(one).length > 0);
    const counts = reads.filter(({ isCount: counting }) => counting);
    return {
      ...of,
      pageReads: pages.map((one) => sumOf(own(one).map(({ rows }) => rows))),
      counted: sumOf(counts.flatMap(own).map(({ rows }) => rows)),
      others: sumOf(
        reads
          .flatMap(({ scans, isCount: counting }) => scans.filter((scan) => isOther(scan, counting)))
          .map(({ rows }) => rows),
      ),
      buffers: sumOf(reads.map(({ buffers }) => buffers)),
      indexes: [...new Set(pages.flatMap(own).map(({ index }) => index ?? "sequential scan"))],
    };
  };
}

/** The lookup of a credential writes when it was used, and is the same for every operation. */
function isRead({ text }: RecordedStatement): boolean {
  return !/\b(?:INSERT|UPDATE|DELETE)\b/.test(text);
}

/** Each of these operations counts by a statement of its own. */
function isCount({ text }: RecordedStatement): boolean {
  return /count\(\*\)(?: FILTER \([^)]*\))? AS (?:count|total)\b/.test(text);
}

/** Of more statements of one operation, which are steps of one page, each is executed once. */
const mostExecutedOften = 5;
/** How often PostgreSQL plans a prepared statement for its values. Then it may take a plan for all values. */
const customPlans = 5;

/**
 * Returns what a statement reads, as the gateway sends it: prepared, for the first time, and if it `isOften` executed,
 * from the sixth time on. Of the two plans it is the one that touches more.
 */
async function explained(
  { database }: TestApp,
  { text, values }: RecordedStatement,
  isOften: boolean,
): Promise<StatementReads> {
  const client = await database.pool.connect();
  try {
    await client.query(`PREPARE measured AS ${text}`);
    const execute = `EXECUTE measured${values.length > 0 ? `(${values.map(literal).join(", ")})` : ""}`;
    const analyzed = async (): Promise<StatementReads> => {
      await client.query("BEGIN");
      const before = await documentsReadBy(client);
      const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${execute}`,
      );
      const { Plan: plan } = rows[0]!["QUERY PLAN"][0];
      const scans = scansOf(plan);
      const searched = searchedIn(scans, (await documentsReadBy(client)) - before);
      await client.query("COMMIT");
      return { scans: [...searched, ...scans], buffers: (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0) };
    };
    const first = await analyzed();
    if (values.length === 0 || !isOften) return first;
    for (let count = 1; count < customPlans; count++) await client.query(`EXPLAIN ${execute}`);
    const later = await analyzed();
    return later.buffers > first.buffers ? later : first;
  } finally {
    await client.query("DEALLOCATE ALL");
    client.release();
  }
}

/** Returns how many documents the session has read of late, also in functions of the database, which no plan shows. */
async function documentsReadBy(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ read: number }>(
    `SELECT (pg_stat_get_xact_tuples_fetched(t.oid) + pg_stat_get_xact_tuples_returned(t.oid))::integer AS read
     FROM pg_class t WHERE t.oid = 'search_documents'::regclass`,
  );
  return rows[0]?.read ?? 0;
}

/** Returns the scan of the documents that were read beside those of `scans`. */
function searchedIn(scans: readonly Scan[], documents: number): readonly Scan[] {
  const own = sumOf(scans.filter(({ table }) => table === "search_documents").map(({ rows }) => rows));
  return documents > own ? [{ table: "search_documents", index: "search_documents_keys", rows: documents - own }] : [];
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return "NULL";
  if (Array.isArray(value)) return pg.escapeLiteral(`{${value.map((one) => JSON.stringify(String(one))).join(",")}}`);
  if (value instanceof Date) return pg.escapeLiteral(value.toISOString());
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return pg.escapeLiteral(String(value));
  throw new TypeError("A parameter of a read is no text, number, time or list.");
}

async function cursorFor(app: TestApp, operation: Operation, key: string, filled: FilledAccount): Promise<string> {
  if (operation.from === undefined) return "";
  const { data } = await sendText<unknown>(app.url, key, filledIn({ ...operation, text: operation.from }, filled));
  const [cursor] = membersNamed(data, "endCursor");
  if (typeof cursor !== "string") throw new Error(`The page before has no cursor: ${operation.from}`);
  return cursor;
}

async function nextPathOf(app: TestApp, path: string, key: string): Promise<string> {
  const { next } = linksOf(await v1(app, path, { key }));
  // A role with fewer rows has no such page, and asks for the page itself.
  return next === undefined ? path : pathOf(next);
}

async function ask(app: TestApp, { api, table }: Operation, text: string, key: string): Promise<Answer> {
  if (api === "GraphQL") return askGraphql(app, text, key, fieldsOf[table]);
  const answer = api === "/v1" ? await v1(app, text, { key }) : await call(app, key, "GET", text);
  const { status } = answer;
  if (status === 403 || status === 404) return { isRefused: true, rows: 0, isPartial: false };
  if (status !== 200) throw new Error(`${text} answered ${status}`);
  const body = answer.body as readonly object[] | { readonly result?: readonly object[] }; // JSON of the API
  return { isRefused: false, rows: "length" in body ? body.length : (body.result?.length ?? 1), isPartial: false };
}

/** The fields of GraphQL with rows of each table. */
const fieldsOf: Readonly<Record<Operation["table"], readonly string[]>> = {
  notes: ["notes", "note"],
  tickets: ["tickets", "ticket"],
  attachments: ["attachments"],
  audit_events: ["auditEvents"],
  api_keys: ["apiKeys"],
  people: [],
  search_documents: ["searchNotes", "tickets"],
  note_edits: ["edits"],
  redactions: ["redactions"],
};

async function askGraphql(app: TestApp, text: string, key: string, fields: readonly string[]): Promise<Answer> {
  const { data, errors } = await sendText<unknown>(app.url, key, text);
  const isRefused = errors.some(({ extensions }) => extensions["code"] === "FORBIDDEN");
  const [failure] = errors;
  if (failure && !isRefused) throw new Error(`${text} answered: ${failure.message}`);
  const found = fields.flatMap((field) => membersNamed(data, field));
  return {
    isRefused,
    rows: sumOf(found.map(rowsIn)),
    isPartial: found.some((one) => membersNamed(one, "isPartial").includes(true)),
  };
}

/** Returns how many rows a field has: a page, a list or a row. */
function rowsIn(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  if (typeof value !== "object" || value === null) return 0;
  const [list] = ["nodes", "edges"].flatMap((name) => (name in value ? [Reflect.get(value, name) as unknown] : []));
  if (Array.isArray(list)) return list.length;
  return "totalCount" in value ? 0 : 1;
}

/** Returns the members with a name, at any depth. */
function membersNamed(value: unknown, name: string): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => [...(key === name ? [member] : []), ...membersNamed(member, name)]);
}

export function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
