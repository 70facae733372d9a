// The worker thread that reads mails, one after the other. Started by mail-reader.ts.
import { parentPort } from "node:worker_threads";
import { type MailTask, readMail } from "./read-mail.ts";

const mailParent = parentPort;
if (mailParent === null) throw new Error("mail-thread.ts runs as a worker only");
mailParent.on("message", (task: MailTask) => {
  // A mistake in the code ends the thread, and mail-reader.ts tells.
  void readMail(task).then((reading) => {
    const buffers = "problem" in reading ? [] : [reading, ...reading.files].map(({ bytes }) => bytes.buffer);
    mailParent.postMessage(reading, [...new Set(buffers)]);
  });
});
