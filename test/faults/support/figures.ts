/** The figures of a script, and which of them have broken their bounds. */
export interface Figures {
  /** Prints a figure, and remembers it where it is not good. */
  report(label: string, figure: number | string, isGood?: boolean): void;
  /** Reports broken bounds and sets the exit code. Call it last. */
  conclude(): void;
}

export function createFigures(): Figures {
  const broken: string[] = [];
  return {
    report(label, figure, isGood = true) {
      console.log(`${label.padEnd(64)} ${figure}${isGood ? "" : "   ← broken"}`);
      if (!isGood) broken.push(label);
    },
    conclude() {
      if (broken.length === 0) return;
      console.log(`\nBroken: ${broken.join("; ")}`);
      process.exitCode = 1;
    },
  };
}
