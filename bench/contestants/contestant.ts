/** The input of every contestant. */
export function settings(): { url: string; port: number; connections: number } {
  const { DATABASE_URL, PORT, CONNECTIONS } = process.env;
  if (!DATABASE_URL || !PORT || !CONNECTIONS) throw new Error("DATABASE_URL, PORT and CONNECTIONS are needed.");
  return { url: DATABASE_URL, port: Number(PORT), connections: Number(CONNECTIONS) };
}

/** Reports that the contestant listens. */
export function ready(): void {
  // The process exits by itself, so that its profile is written.
  process.on("disconnect", () => process.exit(0));
  process.send?.("ready");
}
