// The worker thread that reads mails, one after the other. Started by mail-reader.ts.
import { parentPort } from "node:worker_threads";
import { JoinedBlob } from "./joined-blob.ts";
import { type MailContent, type MailHead, type MailTask, readContent, readHead, type UnreadableMail } from "./read-mail.ts";

/** What a thread is asked for: the header fields of a mail, or its body. */
export type ThreadTask = (MailTask & { readonly part: "head" }) | (Pick<MailTask, "bytes"> & { readonly part: "content" });

const mailParent = parentPort;
if (mailParent === null) throw new Error("mail-thread.ts runs as a worker only");
// The parser has no option for it. Nothing else runs in this thread.
Object.assign(globalThis, { Blob: JoinedBlob });

mailParent.on("message", (task: ThreadTask) => {
  // A mistake in the code ends the thread, and mail-reader.ts tells.
  void readPart(task).then((reading) => mailParent.postMessage(reading, [...new Set(buffersOf(reading))]));
});

async function readPart(task: ThreadTask): Promise<MailHead | MailContent | UnreadableMail> {
  return task.part === "head" ? readHead(task) : readContent(task.bytes);
}

function buffersOf(reading: MailHead | MailContent | UnreadableMail): ArrayBuffer[] {
  if ("problem" in reading) return [];
  const files = "files" in reading ? reading.files : [];
  return [reading, ...files].map(({ bytes }) => bytes.buffer);
}
