/** Tells an operator how far a long work is. */
export interface Progress {
  /** Begins a step of `total` items; undefined if their number is not known. */
  begin(name: string, total: number | undefined): void;
  /** Counts items that are done. */
  advance(count: number): void;
  end(): void;
}

/** Where progress is shown: `process.stderr` is one. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** On a terminal the bar is drawn anew this often; elsewhere a line is written this often. */
const drawMs = 200;
const lineMs = 10_000;
const barWidth = 24;

/**
 * Returns a progress that draws a bar with the rate and the time left on a terminal, and writes a line now and then
 * elsewhere, such as into a log.
 */
export function createProgress(output: ProgressOutput, now: () => number): Progress {
  const intervalMs = output.isTTY === true ? drawMs : lineMs;
  let step = { name: "", total: undefined as number | undefined, began: 0, done: 0 }; // a number once a step begins
  let shown = 0;

  function show(isLast: boolean): void {
    shown = now();
    const text = progressLine(step, shown - step.began);
    if (output.isTTY !== true) output.write(`${text}\n`);
    else output.write(`\r${text.slice(0, (output.columns ?? 80) - 1)}\u001b[K${isLast ? "\n" : ""}`);
  }

  return {
    begin(name, total) {
      step = { name, total, began: now(), done: 0 };
      shown = step.began;
      if (output.isTTY === true) show(false);
    },
    advance(count) {
      step.done += count;
      if (now() - shown >= intervalMs) show(false);
    },
    end() {
      show(true);
    },
  };
}

function progressLine(
  { name, total, done }: { readonly name: string; readonly total: number | undefined; readonly done: number },
  milliseconds: number,
): string {
  const rate = milliseconds > 0 ? (done / milliseconds) * 1000 : 0;
  const speed = `${Math.round(rate).toLocaleString("en")} a second`;
  const count = done.toLocaleString("en");
  if (total === undefined) return `${name.padEnd(8)} ${count}, ${speed}`;
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * barWidth);
  const bar = `${"#".repeat(filled)}${"-".repeat(barWidth - filled)}`;
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const left = done < total && rate > 0 ? `, ${duration((total - done) / rate)} left` : "";
  return `${name.padEnd(8)} [${bar}] ${percent}  ${count} of ${total.toLocaleString("en")}, ${speed}${left}`;
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.ceil(whole / 60)} min`;
  return `${Math.floor(whole / 3600)} h ${Math.ceil((whole % 3600) / 60)} min`;
}
