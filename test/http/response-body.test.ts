import { expect, test } from "vitest";
import { responseBody } from "../../src/http/kit/response-body.ts";

const large = "Käfer 🪲 ".repeat(5_000);

test("a small body stays a text", () => {
  expect(responseBody(['{"data":', "{}", "}"])).toBe('{"data":{}}');
});

test("a large body is its bytes in UTF-8, in one buffer of just their size", () => {
  const body = responseBody(['{"data":"', large, '"}']);
  expect(body).toBeInstanceOf(Buffer);
  expect(body.toString()).toBe(`{"data":"${large}"}`);
  expect(body.length).toBe(Buffer.byteLength(`{"data":"${large}"}`));
});
