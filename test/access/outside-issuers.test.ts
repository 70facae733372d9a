import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { createIssuers } from "../../src/access/issuers.ts";
import { Unavailable } from "../../src/errors.ts";
import { addAccount, call, startApp, type TestApp } from "../support/app.ts";
import { oidcClient, type OidcIssuer, startOidcIssuer } from "../support/oidc-issuer.ts";

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

/** A provider, and a gateway that trusts it with its client linked to a specialist. */
async function start(): Promise<{
  app: TestApp;
  provider: OidcIssuer;
  link: string;
  statusOf: (token: string) => Promise<number>;
}> {
  const provider = await startOidcIssuer();
  const app = await startApp({ oidcIssuers: [provider.issuer] });
  opened.push(app, { close: () => provider.stop().catch(() => undefined) });
  const { specialist } = await addAccount(app);
  const link = await app.provisioning.addIdentityLink({
    accountId: specialist.accountId,
    personId: specialist.id,
    issuer: provider.issuer,
    subject: oidcClient.id,
    scopes: ["notes:read"],
  });
  const statusOf = async (token: string) =>
    (await call(app, undefined, "GET", `/v2/tickets/notes/${randomUUID()}`, undefined, { authorization: `Bearer ${token}` }))
      .status;
  return { app, provider, link: link.id, statusOf };
}

test("the keys are asked for when they are first needed, and once", async () => {
  const { app, provider, statusOf } = await start();
  expect(provider.asked.keys).toBe(0);
  const tokens = await Promise.all(Array.from({ length: 5 }, () => provider.tokenOf(app.url)));
  expect(await Promise.all(tokens.map(statusOf))).toEqual([404, 404, 404, 404, 404]);
  expect(provider.asked.keys).toBe(1);
});

test("an outage of the issuer is survived with the keys that are known", async () => {
  const { app, provider, statusOf } = await start();
  const [first, second] = [await provider.tokenOf(app.url), await provider.tokenOf(app.url)];
  expect(await statusOf(first)).toBe(404);
  await provider.stop();
  expect(await statusOf(second)).toBe(404);
  await provider.resume();
});

test("an issuer that was never reached is a 503, and no 401: nothing is known against the token", async () => {
  const { app, provider, statusOf } = await start();
  const token = await provider.tokenOf(app.url);
  await provider.stop();
  expect(await statusOf(token)).toBe(503);
  await provider.resume();
});

test("a link that is removed stops its tokens within a second", async () => {
  const { app, provider, link, statusOf } = await start();
  const token = await provider.tokenOf(app.url);
  expect(await statusOf(token)).toBe(404);
  await app.provisioning.revoke(link);
  await wait(1000);
  expect(await statusOf(token)).toBe(401);
});

test("a discovery document of another issuer is not believed", async () => {
  const { provider } = await start();
  // It repeats the provider's documents, and so its name.
  const mirror = createServer((request, response) => {
    void fetch(`${provider.issuer}${request.url}`).then(async (answer) => response.end(await answer.text()));
  });
  mirror.listen(0, "127.0.0.1");
  await once(mirror, "listening");
  const issuer = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`;
  const app = await startApp({ oidcIssuers: [issuer] });
  opened.push(app, { close: async () => mirror.close() });
  const claims = Buffer.from(JSON.stringify({ iss: issuer, aud: app.url, sub: oidcClient.id, exp: 4_000_000_000 })).toString(
    "base64url",
  );
  const [header] = (await provider.tokenOf(app.url)).split(".");
  const answer = await call(app, `${header}.${claims}.AAAA`, "GET", `/v2/tickets/notes/${randomUUID()}`);
  expect(answer.status).toBe(503);
});

test("an issuer's keys: looked for anew when one is not known, but not by every stranger; taken back when they are; good for a day without it", async () => {
  const provider = await startOidcIssuer();
  opened.push({ close: () => provider.stop().catch(() => undefined) });
  const audience = "https://gateway.example";
  let now = 0;
  const issuers = createIssuers({
    issuers: [provider.issuer],
    audience,
    clock: () => new Date(),
    log: { warn: () => undefined },
    now: () => now,
  });
  const verified = async (token: string) => (await issuers.verify(provider.issuer, token)) !== null;
  const minute = 60_000;

  const old = await provider.tokenOf(audience);
  expect([await verified(old), provider.asked.keys]).toEqual([true, 1]);
  await provider.rotate();
  const fresh = await provider.tokenOf(audience);
  // A moment after the keys were fetched, they are not fetched again: not for this one, nor for a hundred.
  for (let count = 0; count < 100; count++) expect(await verified(fresh)).toBe(false);
  expect(provider.asked.keys).toBe(1);
  now += minute;
  expect([await verified(fresh), await verified(old), provider.asked.keys]).toEqual([true, false, 2]);

  // Another key is revoked, and no token with an unknown key arrives: the periodic renewal finds out.
  await provider.rotate();
  now += 11 * minute;
  expect(await verified(fresh)).toBe(true);
  await expect.poll(() => verified(fresh)).toBe(false);

  const last = await provider.tokenOf(audience);
  expect(await verified(last)).toBe(true);
  await provider.stop();
  now += 23 * 60 * minute;
  expect(await verified(last)).toBe(true);
  now += 2 * 60 * minute;
  await expect(verified(last)).rejects.toThrow(Unavailable);
  await provider.resume();
  now += minute;
  expect(await verified(last)).toBe(true);
});
