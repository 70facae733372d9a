import type { Exception } from "./account-guard.ts";

/** The gateway's statements that need not name an account, each with the reason. */
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
    what: /^SELECT "public"\."accounts"\.[^;]* FROM "public"\."accounts" WHERE \("public"\."accounts"\."slug" = \$1 AND 1=1\) LIMIT \$2 OFFSET \$3$/,
    reason: "Provisioning: the operator names an account by its slug.",
  },
  {
    what: /^\s*DELETE FROM uploads u WHERE u\.id IN \(\s*SELECT o\.id FROM uploads o WHERE o\.created_at < /,
    reason: "The sweep: what has not arrived in time, or no note has taken, goes, of every account, by its age alone.",
  },
  {
    what: /^\s*WITH overdue AS \(\s*SELECT a\.id, a\.account_id, a\.state FROM attachments a\b/,
    reason: "The sweep: attachments of every account whose bytes are overdue, by their age alone.",
  },
  {
    what: /^\s*SELECT o\.key FROM unnest\(\$1::text\[\]\) AS o\(key\)\s*JOIN accounts c ON c\.id = split_part/,
    reason: "The sweep: objects of the store without a row, each asked after in the account that its key begins with.",
  },
  {
    what: /^SELECT [^;]* FROM "public"\."uploads" WHERE \("public"\."uploads"\."state" = [^;]* AND "public"\."uploads"\."attachment_id" IS NOT NULL AND "public"\."uploads"\."created_at" < /,
    reason:
      "The sweep: a store that announces no arrivals is asked once more for what every account awaits before that is given up.",
  },
  {
    what: /^\s*WITH old AS \(\s*SELECT o\.account_id, o\.id FROM deleted_notes o WHERE o\.deleted_at <= /,
    reason: "The sweep: notes of every account that were deleted too long ago, by that time alone.",
  },
  {
    what: /^\s*SELECT [^;]* FROM deleted_attachments d WHERE NOT d\.is_moved\s+ORDER BY d\.account_id, d\.id LIMIT /,
    reason: "The sweep: files of deleted notes of every account whose bytes no request has moved.",
  },
  {
    what: /^\s*DELETE FROM idempotency_keys k USING \(\s*SELECT o\.account_id, o\.key_hash FROM idempotency_keys o WHERE o\.created_at <= /,
    reason: "The sweep: keys of every account that are older than a day, by their age alone.",
  },
  {
    what: /^WITH noted AS \(INSERT INTO audit_events SELECT \* FROM audit_events WHERE false\) UPDATE notes SET text = text WHERE false$/,
    reason: "/ready: whether a note could be written. It meets no row of any account.",
  },
];
