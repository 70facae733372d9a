import { afterAll, afterEach, expect } from "vitest";
import { takeFaults } from "./faults.ts";

// A fault of the JSON executor may leave an answer right and only make it slow, or hide in a field that no test looks at.
const expectNone = () => expect(takeFaults().map((line) => line.slice(0, 1_000))).toEqual([]);
afterEach(expectNone);
afterAll(expectNone);
