// Loaded into the gateway's own process by --import. Reports on request how long its event loop was blocked.
import { createServer } from "node:http";
import { isMainThread } from "node:worker_threads";

/** The interval at which the loop is checked, in milliseconds. */
const interval = 5;

// The process's worker threads load this module too, and have loops of their own.
if (isMainThread) serve(Number(process.env["FAULTS_MONITOR_PORT"]));

/**
 * Reports the longest time that the loop was blocked since the previous report, in milliseconds: by the clock, and in
 * processor time of the main thread. On a shared machine only the second shows what the gateway itself has done.
 */
function serve(port: number): void {
  let [byClock, ofProcessor] = [0, 0];
  let before = { clock: performance.now(), processor: processorMilliseconds() };
  const look = (): void => {
    const now = { clock: performance.now(), processor: processorMilliseconds() };
    byClock = Math.max(byClock, now.clock - before.clock - interval);
    ofProcessor = Math.max(ofProcessor, now.processor - before.processor);
    before = now;
  };
  setInterval(look, interval).unref();
  const server = createServer((_request, response) => {
    look();
    response.end(JSON.stringify({ byClock, ofProcessor, residentBytes: process.memoryUsage.rss() }));
    [byClock, ofProcessor] = [0, 0];
  });
  server.listen(port, "127.0.0.1").unref();
}

function processorMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
