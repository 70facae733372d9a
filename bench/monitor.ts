// Imported into a gateway before its own sources (node --import). On a message from the parent process it reports
// memory and event loop delay.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

export interface Vitals {
  readonly rssBytes: number;
  readonly highestRssBytes: number;
  /** The longest delay of the event loop since the vitals were last read. */
  readonly stallMilliseconds: number;
}

// The worker threads of a process import this file too.
if (isMainThread && process.send) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  process.on("message", () => {
    const { maxRSS } = process.resourceUsage();
    const vitals: Vitals = {
      rssBytes: process.memoryUsage.rss(),
      highestRssBytes: maxRSS * 1024,
      stallMilliseconds: delay.max / 1e6,
    };
    process.send?.(vitals);
    delay.reset();
  });
  process.channel?.unref();
}
