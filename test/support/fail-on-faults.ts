import { afterAll, afterEach, expect } from "vitest";
import { takeFaults } from "./faults.ts";

// A fault of the JSON executor may only make the response slow, or be in a field that no test checks. So each test
// fails if one was logged.
const expectNone = () => expect(takeFaults().map((line) => line.slice(0, 1_000))).toEqual([]);
afterEach(expectNone);
afterAll(expectNone);
