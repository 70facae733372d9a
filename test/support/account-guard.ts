import { readFileSync } from "node:fs";
import type {
  A_Expr,
  ColumnRef,
  CommonTableExpr,
  DeleteStmt,
  InsertStmt,
  JoinExpr,
  Node,
  RangeVar,
  SelectStmt,
  UpdateStmt,
} from "@pgsql/types";
import { parse } from "libpg-query";

/** A kind of statement that need not name an account, with the reason. */
export interface Exception {
  readonly what: RegExp;
  readonly reason: string;
}

/**
 * Returns a line for each table in `statement` whose rows of an account are read or written without naming the account.
 * Empty if equalities that hold for every row bind each table to an account: to a value, or to the account of another
 * table of the same query that is bound. A query within a query names the account again, as a value: a database that is
 * distributed by account sees in no other way where its rows are (docs/scaling.md). Accounts and memberships are on
 * every node.
 */
export async function unboundTables(statement: string): Promise<string[]> {
  const { stmts } = await parse(statement);
  const checker = createChecker();
  for (const { stmt } of stmts ?? []) if (stmt) checker.statement(stmt, undefined);
  return checker.unbound();
}

/** Returns the statements of `texts` that break the rule and are not excepted, each with its tables. */
export async function violations(texts: Iterable<string>, exceptions: readonly Exception[]): Promise<string[]> {
  const found: string[] = [];
  for (const text of texts) {
    const tables = await unboundTables(text);
    if (tables.length === 0 || exceptions.some(({ what }) => what.test(text))) continue;
    found.push(`${tables.join(", ")} without an account in: ${text.replaceAll(/\s+/g, " ")}`);
  }
  return found;
}

/** Every table whose rows belong to an account, from the schema, with the column of the account. */
const accountColumns: ReadonlyMap<string, string> = new Map([
  ["accounts", "id"],
  ...[...readFileSync(new URL("../../prisma/schema.prisma", import.meta.url), "utf8").matchAll(/^model [^}]*?^}/gm)]
    .map(([model]) => model)
    .filter((model) => model.includes('@map("account_id")'))
    .map((model): [string, string] => [/@@map\("(\w+)"\)/.exec(model)?.[1] ?? model, "account_id"]),
]);

/** Tables whose rows a query within a query may look up by a column of the query around it. */
const onEveryNode: ReadonlySet<string> = new Set(["accounts", "memberships"]);

/** A table, a WITH query or a subquery with its name in one part of a statement. */
interface Source {
  readonly name: string;
  /** Undefined for a query. Queries are checked separately, so their rows are bound to an account. */
  readonly table: string | undefined;
  readonly facts: Fact[];
}

interface Scope {
  readonly sources: Source[];
  readonly queries: ReadonlySet<string>;
  readonly outer: Scope | undefined;
}

/** A column, or a value that is not of a table. */
type Term = { readonly source: Source; readonly column: string; readonly isOuter: boolean } | "value";

/** An equality of `column` and `term` that holds for every row that is read or written. */
interface Fact {
  readonly column: string;
  readonly term: Term;
}

function createChecker() {
  const sources: Source[] = [];

  function statement(node: Node, outer: Scope | undefined): void {
    if ("SelectStmt" in node) select(node.SelectStmt, outer);
    else if ("InsertStmt" in node) insert(node.InsertStmt, outer);
    else if ("UpdateStmt" in node) change(node.UpdateStmt, outer, node.UpdateStmt.fromClause ?? []);
    else if ("DeleteStmt" in node) change(node.DeleteStmt, outer, node.DeleteStmt.usingClause ?? []);
  }

  /** Checks the WITH queries. Returns a scope that contains their names. */
  function withQueries(ctes: readonly Node[] | undefined, outer: Scope | undefined): Scope {
    const names = new Set(outer?.queries);
    const scope: Scope = { sources: [], queries: names, outer };
    for (const node of ctes ?? []) {
      const { ctename, ctequery } = (node as { CommonTableExpr: CommonTableExpr }).CommonTableExpr;
      if (ctequery) statement(ctequery, { sources: [], queries: new Set(names), outer });
      if (ctename !== undefined) names.add(ctename);
    }
    return scope;
  }

  function select(node: SelectStmt, outer: Scope | undefined): void {
    const scope = withQueries(node.withClause?.ctes, outer);
    if (node.larg) select(node.larg, scope);
    if (node.rarg) select(node.rarg, scope);
    for (const item of node.fromClause ?? []) from(item, scope);
    holds(node.whereClause, scope);
    for (const part of [node.targetList, node.whereClause, node.havingClause, node.sortClause, node.valuesLists])
      subqueries(part, scope);
  }

  function insert(node: InsertStmt, outer: Scope | undefined): void {
    const scope = withQueries(node.withClause?.ctes, outer);
    const target = add(node.relation, scope);
    const names = (node.cols ?? []).map((column) => ("ResTarget" in column ? column.ResTarget.name : undefined));
    const column = target?.table === undefined ? undefined : accountColumns.get(target.table);
    // The account is written. Whether it is the right one depends on the values, or on a query, which is checked.
    if (target && column !== undefined && names.includes(column)) target.facts.push({ column, term: "value" });
    if (node.selectStmt) statement(node.selectStmt, { ...scope, sources: [] });
    const conflict = node.onConflictClause;
    if (conflict?.action === "ONCONFLICT_UPDATE" && node.relation && target) {
      // An existing row is changed then, so it must be in the account of the row that was to be inserted.
      const updated: Source = { ...target, facts: [] };
      sources.push(updated);
      const excluded: Source = { name: "excluded", table: undefined, facts: [] };
      holds(conflict.whereClause, { sources: [updated, excluded], queries: scope.queries, outer });
    }
  }

  function change(node: UpdateStmt | DeleteStmt, outer: Scope | undefined, others: readonly Node[]): void {
    const scope = withQueries(node.withClause?.ctes, outer);
    add(node.relation, scope);
    for (const item of others) from(item, scope);
    holds(node.whereClause, scope);
    subqueries(node.whereClause, scope);
    if ("targetList" in node) subqueries(node.targetList, scope);
  }

  function add(range: RangeVar | undefined, scope: Scope): Source | undefined {
    if (range?.relname === undefined) return undefined;
    const isQuery = range.schemaname === undefined && scope.queries.has(range.relname);
    const source: Source = {
      name: range.alias?.aliasname ?? range.relname,
      table: isQuery ? undefined : range.relname,
      facts: [],
    };
    sources.push(source);
    scope.sources.push(source);
    return source;
  }

  function from(item: Node, scope: Scope): void {
    if ("RangeVar" in item) add(item.RangeVar, scope);
    else if ("JoinExpr" in item) join(item.JoinExpr, scope);
    else if ("RangeSubselect" in item) {
      const { subquery, alias } = item.RangeSubselect;
      const united = subquery && "SelectStmt" in subquery ? unitedTables(subquery.SelectStmt) : undefined;
      if (united) {
        const facts: Fact[] = [];
        for (const table of united) {
          const source: Source = { name: alias?.aliasname ?? "", table, facts };
          sources.push(source);
          scope.sources.push(source);
        }
        return;
      }
      if (subquery) statement(subquery, scope);
      scope.sources.push({ name: alias?.aliasname ?? "", table: undefined, facts: [] });
    }
  }

  /**
   * Returns the table of a query without conditions, or the tables of a UNION ALL of such queries, each with its column
   * of the account under that name. The conditions of the query around it hold for the rows of each, and PostgreSQL
   * passes them on. Undefined for other queries.
   */
  function unitedTables(node: SelectStmt): readonly string[] | undefined {
    if (node.op === "SETOP_UNION" && node.all === true && node.larg && node.rarg) {
      const [left, right] = [unitedTables(node.larg), unitedTables(node.rarg)];
      return left && right && [...left, ...right];
    }
    const [item, ...others] = node.fromClause ?? [];
    const { whereClause, groupClause, havingClause, limitCount, limitOffset, withClause, distinctClause } = node;
    const isPlain = ![whereClause, groupClause, havingClause, limitCount, limitOffset, withClause, distinctClause].some(
      Boolean,
    );
    if (!isPlain || !item || others.length > 0 || !("RangeVar" in item) || item.RangeVar.relname === undefined)
      return undefined;
    const table = item.RangeVar.relname;
    const accountColumn = accountColumns.get(table);
    const hasAccount = (node.targetList ?? []).some((target) => columnOf(target) === accountColumn);
    return accountColumn !== undefined && hasAccount ? [table] : undefined;
  }

  /** Returns the column that a member of a SELECT list is, under its own name. */
  function columnOf(target: Node): string | undefined {
    if (!("ResTarget" in target) || target.ResTarget.name !== undefined) return undefined;
    const { val } = target.ResTarget;
    const field = val && "ColumnRef" in val ? val.ColumnRef.fields?.at(-1) : undefined;
    return field && "String" in field ? field.String.sval : undefined;
  }

  function join(node: JoinExpr, scope: Scope): void {
    if (node.larg) from(node.larg, scope);
    const before = scope.sources.length;
    if (node.rarg) from(node.rarg, scope);
    // The condition of an outer join holds only for the rows that it adds.
    if (node.jointype === "JOIN_INNER") holds(node.quals, scope);
    else if (node.jointype === "JOIN_LEFT") holds(node.quals, scope, new Set(scope.sources.slice(before)));
    subqueries(node.quals, scope);
  }

  /** Adds the equalities that must hold: single ones, and those that are joined by AND. */
  function holds(condition: Node | undefined, scope: Scope, only?: ReadonlySet<Source>): void {
    if (condition === undefined) return;
    if ("BoolExpr" in condition && condition.BoolExpr.boolop === "AND_EXPR") {
      for (const part of condition.BoolExpr.args ?? []) holds(part, scope, only);
    } else if ("A_Expr" in condition) equality(condition.A_Expr, scope, only);
  }

  function equality({ kind, name, lexpr, rexpr }: A_Expr, scope: Scope, only: ReadonlySet<Source> | undefined): void {
    const [operator] = name ?? [];
    if (kind !== "AEXPR_OP" || !operator || !("String" in operator) || operator.String.sval !== "=") return;
    const [left, right] = [term(lexpr, scope), term(rexpr, scope)];
    if (left === undefined || right === undefined) return;
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const) {
      if (one !== "value" && (only === undefined || only.has(one.source)))
        one.source.facts.push({ column: one.column, term: other });
    }
  }

  function term(node: Node | undefined, scope: Scope): Term | undefined {
    if (node === undefined) return undefined;
    if ("TypeCast" in node) return term(node.TypeCast.arg, scope);
    if ("ParamRef" in node || "A_Const" in node) return "value";
    return "ColumnRef" in node ? columnTerm(node.ColumnRef, scope) : undefined;
  }

  function columnTerm({ fields }: ColumnRef, scope: Scope): Term | undefined {
    const names = (fields ?? []).map((field) => ("String" in field ? field.String.sval : undefined));
    const column = names.at(-1);
    if (column === undefined) return undefined;
    const owner = names.length > 1 ? names.at(-2) : undefined;
    for (let within: Scope | undefined = scope; within; within = within.outer) {
      const source: Source | undefined =
        owner === undefined
          ? within.sources.length === 1
            ? within.sources[0]
            : undefined
          : within.sources.find(({ name }) => name === owner);
      if (source) return { source, column, isOuter: within !== scope };
    }
    return undefined;
  }

  /** Checks the queries within an expression. */
  function subqueries(part: unknown, scope: Scope): void {
    if (Array.isArray(part)) for (const one of part) subqueries(one, scope);
    else if (typeof part === "object" && part !== null) {
      if ("SelectStmt" in part) select(part.SelectStmt as SelectStmt, scope);
      else for (const one of Object.values(part)) subqueries(one, scope);
    }
  }

  function unbound(): string[] {
    const bound = new Set<Source>();
    const isBound = (one: Term): boolean => {
      if (one === "value") return true;
      const { source, column } = one;
      if (source.table === undefined) return column === "account_id";
      return (
        bound.has(source) &&
        (column === accountColumns.get(source.table) || (source.table === "memberships" && column === "person_id"))
      );
    };
    const isHeld = ({ table, facts }: Source): boolean => {
      const column = accountColumns.get(table ?? "");
      if (table === undefined || column === undefined) return true;
      const binds = ({ term: other }: Fact) =>
        isBound(other) && (other === "value" || !other.isOuter || onEveryNode.has(table));
      if (facts.some((fact) => fact.column === column && binds(fact))) return true;
      // People are found through their memberships, which may be in another account than their own.
      return (
        table === "people" && facts.some(({ column: own, term: other }) => own === "id" && other !== "value" && isBound(other))
      );
    };
    for (let size = -1; size !== bound.size;) {
      size = bound.size;
      for (const source of sources) if (isHeld(source)) bound.add(source);
    }
    return sources
      .filter((source) => !bound.has(source))
      .map(({ table, name }) => (table === name ? name : `${table} ${name}`));
  }

  return { statement, unbound };
}
