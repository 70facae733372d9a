import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import pLimit from "p-limit";
import type { Database } from "../../database/database.ts";
import type { Param, Sql } from "../../database/sql.ts";
import { maximumBytesParam } from "../model/params.ts";
import { type Batch, createBatch } from "./batch.ts";
import { writeTexts } from "./statement-texts.ts";

/** A statement that can be run with any values of its parameters. */
export interface PreparedStatement {
  /** The parameters of the statement, in the order of their values. */
  readonly params: readonly Param[];
  readonly batch: Batch;
  /** The characters of its text and of the constants in it. */
  readonly size: number;
}

/** Sends statements. */
export interface StatementRunner {
  /**
   * Returns the prepared statement, which probably reads at most `weight` rows. Equal statements of one access scope
   * have one batch, so that they are sent together.
   */
  prepare(statement: Sql, weight: number, accessScope: string): PreparedStatement;
}

export interface StatementRunnerDependencies {
  readonly database: Database;
  /** The maximum size of a result, in bytes. */
  readonly maximumBytes: number;
  /** The values of the parameters that are the same for all callers. It is called each time a statement is sent. */
  readonly sharedParams: () => Readonly<Record<string, string>>;
}

/** How many batches are cached, of some ten kilobytes each, and how many characters they and each of them may have. */
const batchCache = { max: 500, maxSize: 5_000_000, maxEntrySize: 50_000 } as const;
/** How many sizes of results are cached, by the text of their statement. */
const sizeCacheSize = 2_000;
/**
 * How many rows one statement may read for a whole batch. With more, all callers wait for the last one while other
 * connections are idle.
 */
const maxRowsOfBatch = 4_000;
const maxQuestionsOfBatch = 32;

/** Returns a runner. Few large results are read at a time. */
export function createStatementRunner(dependencies: StatementRunnerDependencies): StatementRunner {
  const { database, maximumBytes } = dependencies;
  const sharedParams = () => ({ ...dependencies.sharedParams(), [maximumBytesParam]: String(maximumBytes) });
  const shared = {
    ...{ database, maximumBytes, sharedParams },
    largeResults: pLimit(database.kind === "embedded" ? 1 : 4),
    sizes: new LRUCache<string, number>({ max: sizeCacheSize }),
  };
  const batches = new LRUCache<string, { readonly batch: Batch; readonly size: number }>({
    ...batchCache,
    sizeCalculation: ({ size }) => size,
  });

  return {
    prepare(statement, weight, accessScope) {
      const texts = writeTexts(statement, (name) => name in sharedParams());
      // The statement and its constants already have the policy in them. The access scope is added so that viewers of
      // two scopes can never share a statement.
      const text = `${accessScope} ${JSON.stringify(texts.constants)} ${texts.single}`;
      const name = createHash("sha256").update(text).digest("base64url");
      const maxBatchSize = Math.max(1, Math.min(maxQuestionsOfBatch, Math.floor(maxRowsOfBatch / weight)));
      const { batch } = batches.get(name) ?? { batch: createBatch(shared, { texts, weight, maxBatchSize }) };
      batches.set(name, { batch, size: text.length });
      // Bound parameters have values of their own, so these are not shared.
      return { params: texts.params, batch, size: text.length };
    },
  };
}
