import { ask } from "./identity.ts";
import { settings } from "./settings.ts";

/** A note to which the viewer may attach files. */
export interface AttachableNote {
  readonly id: string;
  readonly title: string;
}

/** A file that has arrived. */
export interface Arrived {
  readonly filename: string;
  readonly size: number;
  readonly url: string;
}

const notesQuery = `{
  notes(first: 50) {
    nodes { id number textPlain viewerCanUpdate ticket { number } }
  }
}`;

interface NotesAnswer {
  readonly data?: {
    readonly notes: {
      readonly nodes: readonly {
        readonly id: string;
        readonly number: number;
        readonly textPlain: string;
        readonly viewerCanUpdate: boolean;
        readonly ticket: { readonly number: number };
      }[];
    };
  };
}

/** Returns the newest notes to which the viewer of `key` may attach files. */
export async function attachableNotes(key: string): Promise<readonly AttachableNote[]> {
  const { data } = await ask<NotesAnswer>(notesQuery, {}, key);
  return (data?.notes.nodes ?? [])
    .filter(({ viewerCanUpdate }) => viewerCanUpdate)
    .map(({ id, number, textPlain, ticket }) => ({
      id,
      title: `${number} on ticket ${ticket.number}: ${textPlain.slice(0, 60)}`,
    }));
}

const requestMutation = `mutation ($input: RequestAttachmentUploadInput!) {
  requestAttachmentUpload(input: $input) {
    ... on RequestAttachmentUploadPayload { attachment { id } upload { method url headers { name value } } }
    ... on InvalidInputError { fields { message } }
    ... on Error { message }
  }
}`;

interface Upload {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

interface RequestAnswer {
  readonly data?: {
    readonly requestAttachmentUpload: {
      readonly attachment?: { readonly id: string };
      readonly upload?: Upload;
      readonly message?: string;
      readonly fields?: readonly { readonly message: string }[];
    };
  };
  readonly errors?: readonly { readonly message: string }[];
}

const attachmentQuery = `query ($id: ID!) {
  node(id: $id) { ... on Attachment { filename size state download { url } } }
}`;

interface FoundAttachment {
  readonly filename: string;
  readonly size: number;
  readonly state: string;
  readonly download: { readonly url: string } | null;
}

interface AttachmentAnswer {
  readonly data?: { readonly node: FoundAttachment | null };
}

/** How often and how many times the gateway is asked whether a file has arrived. */
const arrival = { milliseconds: 500, times: 20 };

/**
 * Uploads a file to a note: asks for the upload, sends the bytes, and waits until the gateway has them. Tells the part
 * that was sent, from 0 to 1. Throws an `Error` whose message says what went wrong.
 */
export async function upload(key: string, noteId: string, file: File, tell: (part: number) => void): Promise<Arrived> {
  const input = { noteId, filename: file.name, size: file.size, ...(file.type !== "" && { contentType: file.type }) };
  const { data, errors } = await ask<RequestAnswer>(requestMutation, { input }, key);
  const result = data?.requestAttachmentUpload;
  if (!result?.upload || !result.attachment)
    throw new Error(result?.fields?.[0]?.message ?? result?.message ?? errors?.[0]?.message ?? "The upload was refused.");
  await send(result.upload, file, tell);
  for (let time = 0; time < arrival.times; time += 1) {
    const { data: found } = await ask<AttachmentAnswer>(attachmentQuery, { id: result.attachment.id }, key);
    const { filename, size, state, download }: Partial<FoundAttachment> = found?.node ?? {};
    if (state === "READY" && filename !== undefined && size !== undefined)
      return { filename, size, url: ownUrl(download?.url ?? "") };
    await new Promise((resolve) => setTimeout(resolve, arrival.milliseconds));
  }
  throw new Error("The bytes were sent, and the gateway does not have them yet. Look at the note again in a while.");
}

/** Returns a URL of the gateway at the address by which the page was opened, which its policy allows. */
function ownUrl(url: string): string {
  return url.startsWith(`${settings.publicUrl}/`) ? url.replace(new URL(url).origin, location.origin) : url;
}

/** Sends the bytes. fetch does not tell how far it is; XMLHttpRequest does. */
function send({ method, url, headers }: Upload, file: File, tell: (part: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, ownUrl(url));
    // A browser sets the length itself.
    const own = headers.filter(({ name }) => name.toLowerCase() !== "content-length");
    for (const { name, value } of own) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", ({ loaded, total }) => tell(loaded / Math.max(total, 1)));
    request.addEventListener("load", () => {
      if (request.status < 300) resolve();
      else reject(new Error(`The file was refused with HTTP ${request.status}.`));
    });
    request.addEventListener("error", () =>
      reject(new Error("The bytes could not be sent. Check the connection, and try again.")),
    );
    request.send(file);
  });
}
