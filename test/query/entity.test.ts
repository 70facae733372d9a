import { expect, test } from "vitest";
import { defineEntity } from "../../src/query/model/entity.ts";

interface Lamp {
  readonly id: string;
  readonly colour: string;
}

const lamp = { fields: { id: "id", colour: "colour" }, revive: {} } as const;

test("an alias is one entity's: a statement that speaks of two by one name would count and join the wrong rows", () => {
  expect(defineEntity<Lamp>({ alias: "lamp", ...lamp }).alias).toBe("lamp");
  expect(() => defineEntity<Lamp>({ alias: "lamp", ...lamp })).toThrow(new TypeError('The alias "lamp" is another entity\'s.'));
});
