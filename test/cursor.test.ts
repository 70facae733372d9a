import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CursorScope, decodeCursor, encodeCursor } from "../src/query/model/cursor.ts";
import type { OrderKey, Position } from "../src/query/model/page.ts";

const ties = { field: "id", type: "uuid" } as const;
const statuses = ["OPEN", "IN_PROGRESS", "DONE"];
const fields: readonly Omit<OrderKey, "direction">[] = [
  { field: "createdAt", type: "timestamptz", ties },
  { field: "number", type: "integer" },
  { field: "status", type: '"Status"', values: statuses, ties },
];

const valuesOf: Readonly<Record<string, fc.Arbitrary<string | number>>> = {
  timestamptz: fc
    .date({ min: new Date("0001-01-01T00:00:00.000Z"), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true })
    .map((date) => date.toISOString()),
  integer: fc.nat(2_147_483_647),
  uuid: fc.uuid(),
  '"Status"': fc.constantFrom(...statuses),
};

interface Placed {
  readonly scope: CursorScope;
  readonly position: Position;
}

const placed: fc.Arbitrary<Placed> = fc
  .record({ name: fc.string(), key: fc.constantFrom(...fields), direction: fc.constantFrom("ASC", "DESC") })
  .chain(({ name, key, direction }) => {
    const types = [key.type, ...(key.ties ? [key.ties.type] : [])];
    return fc
      .tuple(...types.map((type) => valuesOf[type]!))
      .map((position) => ({ scope: { name, ordering: [{ ...key, direction }] }, position }));
  });

const scope: CursorScope = { name: "Query.tickets", ordering: [{ ...fields[0]!, direction: "DESC" }] };
const cursor = encodeCursor(scope, ["2026-01-01T00:00:00.000Z", "0195d1c2-0000-7000-8000-000000000000"]);

describe("a cursor", () => {
  test("names the position that it was made of, and fits into a URL as it is", () => {
    fc.assert(
      fc.property(placed, (one) => {
        const text = encodeCursor(one.scope, one.position);
        expect(decodeCursor(one.scope, text)).toEqual(one.position);
        expect(text).toMatch(/^[\w.-]+$/);
      }),
    );
  });

  test("is refused in any other scope", () => {
    fc.assert(
      fc.property(placed, placed, (one, other) => {
        fc.pre(JSON.stringify(one.scope) !== JSON.stringify(other.scope));
        expect(decodeCursor(other.scope, encodeCursor(one.scope, one.position))).toBeNull();
      }),
    );
    const [key] = scope.ordering;
    expect(decodeCursor({ ...scope, ordering: [{ ...key, direction: "ASC" }] }, cursor)).toBeNull();
    expect(decodeCursor({ ...scope, name: "Query.notes" }, cursor)).toBeNull();
  });

  test("is refused cut, lengthened, or in another spelling", () => {
    for (let length = 0; length < cursor.length; length += 1) expect(decodeCursor(scope, cursor.slice(0, length))).toBeNull();
    for (const other of [`${cursor}A`, `${cursor}=`, ` ${cursor}`, `${cursor}\n`, `${cursor}\0`, cursor.toUpperCase()])
      expect(decodeCursor(scope, other), other).toBeNull();
  });

  test.each(["00000101000000000", "20260230000000000", "20260228240000000", "20261301000000000", "20260101000060000", "2026"])(
    "of the instant %s, which there is not, is refused",
    (instant) => {
      expect(decodeCursor(scope, cursor.replace("20260101000000000", instant))).toBeNull();
    },
  );

  test("that is any other text is refused, and never an error", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.base64String(), fc.uuid()), (text) => {
        expect(decodeCursor(scope, text)).toBeNull();
        expect(decodeCursor(scope, `${cursor.slice(0, 9)}${text}`)).toBeNull();
      }),
    );
  });
});
