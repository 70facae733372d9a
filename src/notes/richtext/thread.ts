// The worker thread that renders long texts, one after the other. Started by rendering-thread.ts.
import { parentPort } from "node:worker_threads";
import { createTaskPerformer, type TextTask } from "./tasks.ts";

const renderingParent = parentPort;
if (renderingParent === null) throw new Error("thread.ts runs as a worker only");
const perform = createTaskPerformer();
renderingParent.on("message", (task: TextTask) => renderingParent.postMessage(perform(task)));
