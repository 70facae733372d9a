// Kept for the whole worker, as modules are: each file's hooks (fail-on-faults.ts) look at what its own tests have left.
const lines: string[] = [];

/** Where a log goes that keeps the lines which tell of a mistake made while a field was executed as JSON. */
export function keepingFaults(to?: { write(line: string): void }): { write(line: string): void } {
  return {
    write(line) {
      if (line.includes('"type":"JsonExecutionFault"')) lines.push(line);
      to?.write(line);
    },
  };
}

/** The lines since they were taken last. A test that makes faults takes them, or it fails. */
export function takeFaults(): readonly string[] {
  return lines.splice(0);
}
