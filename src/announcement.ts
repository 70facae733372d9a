import { type Config, isEveryAddress, settingsHelp } from "./config.ts";
import { curlLines, type Demo } from "./demo/start.ts";
import { demoLink, offersDemoKeys } from "./graphql/graphiql/demo-keys.ts";

/** What `npm start -- --help` prints. */
export const startHelp = [
  "Usage: npm start",
  "",
  "Starts the gateway. The environment configures it:",
  "",
  ...settingsHelp().map((line) => `  ${line}`),
  "",
  "The credentials of an S3 store are those of the AWS SDK, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
].join("\n");

/** What a start has found, for {@link announcement}. */
export interface Started {
  /** The demo data, if the database has it. */
  readonly demo: Demo | null;
  /** How many migrations the start has applied. */
  readonly migrations: number;
  /** Whether the database has no account yet. */
  readonly isEmpty: boolean;
}

/**
 * Returns what a start prints for the person who started it: where each API is, and either the demo data's keys or, if
 * the database is empty, the way to the first key.
 */
export function announcement({ publicUrl, host }: Config, { demo, migrations, isEmpty }: Started): string {
  const paragraphs = [
    [`Ticket notes gateway on ${publicUrl}`],
    [
      `GraphQL   ${publicUrl}/graphql   GraphiQL in a browser`,
      `REST /v1  ${publicUrl}/v1`,
      `REST /v2  ${publicUrl}/v2`,
      `Docs      ${publicUrl}/docs   guides, schema, and the references of both REST APIs`,
      `Health    ${publicUrl}/ready`,
    ],
    isEveryAddress(host)
      ? [
          `It listens on every address (HOST=${host}), and the URLs it hands out begin with ${publicUrl}:`,
          "PUBLIC_URL says by which address clients reach it.",
        ]
      : [],
    migrations === 0 ? [] : [`The database was migrated: ${migrations} migrations.`],
    demo ? demoLines(demo, { publicUrl, host }) : [],
    isEmpty ? firstKeyLines(publicUrl) : [],
  ];
  const shown = paragraphs
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => (line === "" ? "" : `  ${line}`)).join("\n"));
  return `\n${shown.join("\n\n")}\n`;
}

function demoLines(demo: Demo, { publicUrl, host }: Pick<Config, "publicUrl" | "host">): readonly string[] {
  const rows = demo.people.map(({ key, name, role, account }) => [key, name, role, account, demo.keys[key]]);
  return [
    `The demo data's API keys, kept in ${demo.keysPath}:`,
    "",
    ...aligned([["key", "of", "role", "account", ""], ...rows]).map((line) => `  ${line}`),
    "",
    ...(offersDemoKeys({ publicUrl, host })
      ? [
          "Open GraphiQL with them in its sign-in. Who has this link has the keys:",
          "",
          `  ${demoLink(publicUrl, demo.keys)}`,
          "",
        ]
      : []),
    "Paste one of these:",
    "",
    ...curlLines(publicUrl, demo).map((line) => `  ${line}`),
  ];
}

/** The commands from an empty database to the first answer. They read the same variables as this process. */
function firstKeyLines(publicUrl: string): readonly string[] {
  return [
    "The database is empty. In another shell with the same variables:",
    "",
    "  npm run setup                # makes an account and its administrator, and prints a key",
    "  read -r KEY                  # paste the key",
    `  curl -gs '${publicUrl}/graphql?query={viewer{role}}' -H "X-API-Key: $KEY"`,
  ];
}

/** Returns the rows of a table as lines, with each column as wide as its widest cell. */
function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
