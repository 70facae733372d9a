import { afterAll, beforeAll, expect, test } from "vitest";
import { graphql } from "../generated/gql.ts";
import { addAccount, send, startApp, type TestAccount, type TestApp } from "../support/app.ts";

const ViewerQuery = graphql(`
  query Viewer {
    viewer {
      person {
        name
        email
      }
      account {
        slug
      }
      role
      scopes
    }
  }
`);

let app: TestApp;
let account: TestAccount;

beforeAll(async () => {
  app = await startApp();
  account = await addAccount(app);
});
afterAll(() => app.close());

test("the viewer is the key's person, in the key's account", async () => {
  const { data } = await send(app, account.specialist.key, ViewerQuery);
  expect(data.viewer).toMatchObject({
    person: { name: "Sam Specialist" },
    account: { slug: account.slug },
    role: "SPECIALIST",
  });
  expect(data.viewer.scopes).toContain("NOTES_INTERNAL");
  expect(data.viewer.scopes).not.toContain("ADMIN");
});

test("without a credential there is no viewer, and the error says what to send", async () => {
  const { data, errors } = await send(app, undefined, ViewerQuery);
  expect(data).toBeNull();
  expect(errors[0]?.extensions).toEqual({ code: "UNAUTHENTICATED" });
  expect(errors[0]?.message).toContain("X-API-Key");
});

test("a credential that is not valid is refused, not ignored", async () => {
  const { status, errors } = await send(app, "tnk_not-a-key", ViewerQuery);
  expect(status).toBe(401);
  expect(errors[0]?.extensions).toEqual({ code: "UNAUTHENTICATED" });
});

test("who one is costs three statements", async () => {
  const { statements } = await app.statements.during(() => send(app, account.customer.key, ViewerQuery));
  expect(statements).toHaveLength(3);
});
