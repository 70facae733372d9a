// Renders long texts away from the main thread, one after the other. Started by rendering.ts.
import { parentPort } from "node:worker_threads";
import { createTaskPerformer, type TextTask } from "./tasks.ts";

const parent = parentPort;
if (parent === null) throw new Error("thread.ts runs as a worker only");
const perform = createTaskPerformer();
parent.on("message", (task: TextTask) => parent.postMessage(perform(task)));
