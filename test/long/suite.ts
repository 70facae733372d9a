/**
 * What takes long for what it shows: thousands of attempts, requests and pages, and commands that are started one after
 * another. Apart from `npm test`, which is to be run often; CI runs both.
 */
export const longTests = [
  "test/access/keys-command.test.ts",
  "test/administration-socket.test.ts",
  "test/import.test.ts",
  "test/people-command.test.ts",
  "test/process.test.ts",
  "test/isolation.test.ts",
  "test/richtext-hostile.test.ts",
  "test/v1/walk.test.ts",
  "test/v1/fuzz.test.ts",
  "test/long/history-leaks.test.ts",
  "test/long/lost-edits.test.ts",
  "test/long/redactions.test.ts",
  "test/long/safe-retries.test.ts",
  "test/long/rows-read.test.ts",
];
