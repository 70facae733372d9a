/** What a script of faults has measured, and which of its bounds were broken. */
export interface Report {
  /** Prints a figure. */
  figure(name: string, value: string): void;
  /** Notes that a bound is broken where `holds` is false. The same words count once. */
  require(holds: boolean, otherwise: string): void;
  /** Prints the broken bounds, and returns the exit code: 0 if there are none. */
  finish(): number;
}

export function createReport(script: string): Report {
  const broken = new Map<string, number>();
  return {
    figure: (name, value) => console.log(`${script}: ${name}: ${value}`),
    require(holds, otherwise) {
      if (!holds) broken.set(otherwise, (broken.get(otherwise) ?? 0) + 1);
    },
    finish() {
      for (const [words, times] of broken) console.error(`${script}: BROKEN: ${words}${times > 1 ? ` (${times} times)` : ""}`);
      return broken.size === 0 ? 0 : 1;
    },
  };
}

/** The value below which that share of `values` lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
