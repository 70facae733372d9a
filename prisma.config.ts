// `prisma generate` needs no schema engine, yet refuses to start without one and would download it. Any executable
// satisfies the check, so installing works offline; migrations run through the engine's WebAssembly build
// (src/database/migrations.ts).
process.env["PRISMA_SCHEMA_ENGINE_BINARY"] ??= process.execPath;

export default {
  schema: "prisma/schema.prisma",
};
