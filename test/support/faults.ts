// Modules live as long as the worker. The hooks of each file (fail-on-faults.ts) check the faults that its own tests
// have left.
const lines: string[] = [];

/** A destination for logs. It stores the lines about faults of the JSON executor. */
export function keepingFaults(to?: { write(line: string): void }): { write(line: string): void } {
  return {
    write(line) {
      if (line.includes('"type":"JsonExecutionFault"')) lines.push(line);
      to?.write(line);
    },
  };
}

/** Returns the lines since the last call. A test that causes faults must take them, or it fails. */
export function takeFaults(): readonly string[] {
  return lines.splice(0);
}
