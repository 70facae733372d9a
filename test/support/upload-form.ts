import { expect } from "vitest";
import type { TestApp } from "./app.ts";
import { v1 } from "./v1.ts";

/** The response of /v1 with the URL and the form for uploads. */
export interface StorageOffer {
  readonly size_limit: number;
  readonly allowed_extensions: readonly string[];
  readonly provider: string;
  readonly upload_uri: string;
  readonly s3: Readonly<Record<string, string | number>>;
}

/** The response to an upload, with the content of its XML. */
export interface SentForm {
  readonly status: number;
  readonly headers: Headers;
  readonly xml: string;
  readonly key: string;
  readonly code: string;
}

export async function offerStorage(app: Pick<TestApp, "url">, key: string): Promise<StorageOffer> {
  const { status, body } = await v1(app, "/v1/attachments/storage", { key });
  expect(status).toBe(200);
  return body as StorageOffer;
}

/**
 * Returns the fields of the form without its file. `change` replaces fields, or removes them if they are undefined.
 */
export function formOf(
  storage: Pick<StorageOffer, "s3">,
  contentType: string | undefined,
  change: Readonly<Record<string, string | undefined>> = {},
): FormData {
  const form = new FormData();
  const fields: Record<string, string | number | undefined> = { ...storage.s3, "Content-Type": contentType, ...change };
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.append(name, String(value));
  return form;
}

export async function sendForm(uri: string, form: FormData): Promise<SentForm> {
  return readAnswer(await fetch(uri, { method: "POST", body: form }));
}

async function readAnswer(response: Response): Promise<SentForm> {
  const xml = await response.text();
  const element = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(xml)?.[1] ?? "";
  return {
    status: response.status,
    headers: response.headers,
    xml,
    key: element("Key").replaceAll("&amp;", "&"),
    code: element("Code"),
  };
}

export async function uploadFile(
  storage: StorageOffer,
  name: string,
  bytes: string | Uint8Array<ArrayBuffer> = "bytes",
  contentType = "image/png",
): Promise<SentForm> {
  const form = formOf(storage, contentType);
  form.append("file", new Blob([bytes], { type: contentType }), name);
  return sendForm(storage.upload_uri, form);
}

/** Returns the bytes of the form up to the first byte of the file. `boundary` separates its parts. */
export function formStart(storage: StorageOffer, filename: string, boundary: string): string {
  const fields = Object.entries(storage.s3).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const file = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\n\r\n`;
  return `${fields.join("")}${file}`;
}
