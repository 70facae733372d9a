/** The figures of a script, and the bounds that were broken. */
export interface Figures {
  /** Prints a figure. If it is not good, its bound is recorded as broken. */
  report(label: string, figure: number | string, isGood?: boolean): void;
  /** Records a bound as broken if `holds` is false. Equal messages are reported as one. */
  require(holds: boolean, otherwise: string): void;
  /** Reports broken bounds and sets the exit code. Call it last. */
  conclude(): void;
}

export function createFigures(): Figures {
  const broken = new Map<string, number>();
  const note = (words: string) => void broken.set(words, (broken.get(words) ?? 0) + 1);
  return {
    report(label, figure, isGood = true) {
      console.log(`${label.padEnd(64)} ${figure}${isGood ? "" : "   ← broken"}`);
      if (!isGood) note(label);
    },
    require(holds, otherwise) {
      if (!holds) note(otherwise);
    },
    conclude() {
      if (broken.size === 0) return;
      const said = [...broken].map(([words, times]) => (times > 1 ? `${words} (${times} times)` : words));
      console.log(`\nBroken: ${said.join("; ")}`);
      process.exitCode = 1;
    },
  };
}
