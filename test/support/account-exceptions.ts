import type { Exception } from "./account-guard.ts";

/** The statements of the gateway that need not say of which account they are, each with the reason. */
export const exceptions: readonly Exception[] = [
  {
    what: /^\s*WITH found AS \(\s*SELECT c\.id, c\.account_id, c\.person_id, c\.scopes, c\.every_account\b/,
    reason:
      "Who is asking, and in which accounts, is what this finds out: by the hash of a secret, or by what a verified token names.",
  },
  {
    what: /^SELECT 1 FROM accounts a WHERE a\.slug = \$1$/,
    reason: "Whether an account exists at all, which /v1 tells from one that may not be used.",
  },
  {
    what: /^\s*SELECT c\.id AS "id".* FROM (api_keys|oauth_clients) c WHERE c\.id = \$1::uuid$/s,
    reason: "Provisioning: the operator revokes by id, and the account is read from the row before the row is changed in it.",
  },
  {
    what: /^\s*WITH removed AS \(DELETE FROM identity_links l WHERE l\.id = \$1::uuid RETURNING l\.\*\)/,
    reason: "Provisioning: the operator removes a link by its id.",
  },
  {
    what: /FROM identity_links\s+\) c\s+JOIN accounts a ON a\.id = c\.account_id/,
    reason: "Provisioning: the operator lists the credentials of every account.",
  },
  {
    what: /^SELECT "public"\."people"\.[^;]* FROM "public"\."people" WHERE "public"\."people"\."id" = \$1 LIMIT \$2 OFFSET \$3$/,
    reason: "Provisioning: Prisma reads back the person it has just added with a membership.",
  },
  {
    what: /^DELETE FROM "public"\."uploads" WHERE "public"\."uploads"\."created_at" < \$1$/,
    reason: "The sweep: what no note of any account has taken in time goes, by its age alone.",
  },
  {
    what: /^WITH noted AS \(INSERT INTO audit_events SELECT \* FROM audit_events WHERE false\) UPDATE notes SET text = text WHERE false$/,
    reason: "/ready: whether a note could be written. It meets no row of any account.",
  },
];
