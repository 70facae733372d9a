import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCursorCodec } from "../src/platform/cursor.ts";

const codec = createCursorCodec("a secret of 32 characters, or more");
const place = "tickets createdAt DESC";
const instant = "2026-01-01T00:00:00.000Z";
const id = "0195d1c2-0000-7000-8000-000000000000";

const positions = fc.array(
  fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
  ),
  {
    minLength: 1,
    maxLength: 3,
  },
);

describe("a cursor", () => {
  test("says where it was handed out for, whatever the position is", () => {
    fc.assert(
      fc.property(fc.string(), positions, (where, position) => {
        expect(codec.decode(where, codec.encode(where, position))).toEqual(position);
      }),
    );
  });

  test("is one text for one position, and fits into a URL as it is", () => {
    const cursor = codec.encode(place, [instant, id]);
    expect(codec.encode(place, [instant, id])).toBe(cursor);
    expect(cursor).toMatch(/^[\w-]+$/);
  });

  test("is refused at any other place", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), positions, (one, other, position) => {
        fc.pre(one !== other);
        expect(codec.decode(other, codec.encode(one, position))).toBeNull();
      }),
    );
  });

  test("is refused under another secret", () => {
    const other = createCursorCodec("another secret of 32 characters, or more");
    expect(other.decode(place, codec.encode(place, [instant, id]))).toBeNull();
  });

  test("is refused with any bit turned", () => {
    const bytes = Buffer.from(codec.encode(place, [instant, id]), "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const turned = Buffer.from(bytes);
      turned[Math.floor(bit / 8)]! ^= 1 << (bit % 8);
      expect(codec.decode(place, turned.toString("base64url")), `bit ${bit}`).toBeNull();
    }
  });

  test("is refused cut, lengthened, or in another spelling", () => {
    const cursor = codec.encode(place, [instant, id]);
    for (let length = 0; length < cursor.length; length++) expect(codec.decode(place, cursor.slice(0, length))).toBeNull();
    for (const other of [`${cursor}A`, `${cursor}=`, ` ${cursor}`, `${cursor}\n`, `${cursor}\0`, cursor.replace(/.$/, "*")]) {
      expect(codec.decode(place, other), other).toBeNull();
    }
  });

  test("that is any other text is refused, and never an error", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.base64String(), fc.uuid()), (text) => {
        expect(codec.decode(place, text)).toBeNull();
      }),
    );
  });
});
