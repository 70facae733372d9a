import { v7 as uuidv7 } from "uuid";
import type { TestAccount, TestApp, TestPerson } from "../support/app.ts";

/** The mail server of the tests, which checks senders. */
export const authservId = "mx.desk.example";

/** A mail as its lines. Header fields whose value is undefined are left out. */
export interface MailGiven {
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: string | Buffer;
}

/** Returns the mail address of a person. */
export async function addressOfPerson({ database }: TestApp, { id }: Pick<TestPerson, "id">): Promise<string> {
  const { email } = await database.prisma.person.findUniqueOrThrow({ where: { id } });
  return email;
}

/** Returns a mail from `from` that the mail server has found to be of that domain, to the ticket with that number. */
export function mailOf(from: string, number: number | undefined, { headers = {}, body = "Hello" }: MailGiven = {}): Buffer {
  const domain = from.slice(from.lastIndexOf("@") + 1).replace(/>$/, "");
  const fields: MailGiven["headers"] = {
    "Authentication-Results": `${authservId}; dmarc=pass header.from=${domain}`,
    From: from,
    To: number === undefined ? "desk@desk.example" : `Desk <ticket+${number}@desk.example>`,
    Subject: "It does not start",
    "Message-ID": `<${uuidv7()}@example.com>`,
    Date: "Fri, 27 Nov 2026 16:00:00 +0000",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
    ...headers,
  };
  const lines = Object.entries(fields).flatMap(([name, values = []]) =>
    [values].flat().map((value) => `${name}: ${value}\r\n`),
  );
  return Buffer.concat([Buffer.from(`${lines.join("")}\r\n`), Buffer.from(body)]);
}

export interface MailAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly note?: string; readonly number?: number; readonly detail?: string };
}

/** Hands a mail over. Default: with the key of the account's administrator. */
export async function sendMail(
  { url }: TestApp,
  account: TestAccount,
  mail: Buffer | string,
  { key = account.administrator.key, headers = {} }: { key?: string | undefined; headers?: Record<string, string> } = {},
): Promise<MailAnswer> {
  const response = await fetch(`${url}/mail/inbound`, {
    method: "POST",
    headers: { "content-type": "message/rfc822", authorization: `Bearer ${key}`, ...headers },
    body: new Uint8Array(Buffer.from(mail)),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === "" ? {} : JSON.parse(text)) as MailAnswer["body"],
  };
}

/** Returns a body of several parts, and its Content-Type. */
export function multipart(
  parts: readonly { readonly headers: Readonly<Record<string, string>>; readonly body: string }[],
  type = "mixed",
): { contentType: string; body: string } {
  const boundary = `b-${uuidv7()}`;
  const written = parts.map(({ headers, body }) => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return `--${boundary}\r\n${lines.join("")}\r\n${body}\r\n`;
  });
  return { contentType: `multipart/${type}; boundary="${boundary}"`, body: `${written.join("")}--${boundary}--\r\n` };
}

/** Returns a part with a file. */
export function filePart(filename: string, bytes: string, type = "application/octet-stream") {
  return {
    headers: {
      "Content-Type": type,
      "Content-Disposition": `attachment; filename="${filename}"`,
      "Content-Transfer-Encoding": "base64",
    },
    body: Buffer.from(bytes).toString("base64"),
  };
}
