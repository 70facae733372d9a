// Opens the embedded database in the given directory, migrates it, and adds accounts until the process is stopped. It
// first prints "open", and then the id of each account when it has been acknowledged.
import { randomUUID } from "node:crypto";
import { openDatabase } from "../../src/database/database.ts";
import { migrate } from "../../src/database/migrations.ts";

const [directory = "", count = "Infinity"] = process.argv.slice(2);
const database = await openDatabase({ kind: "embedded", directory }, { warn: () => undefined });
await migrate(database);
console.log("open");

let isStopping = false;
process.stdin.once("end", () => {
  isStopping = true;
});
process.stdin.resume();

for (let number = 0; number < Number(count) && !isStopping; number++) {
  const id = randomUUID();
  await database.prisma.account.create({ data: { id, slug: `w${id}`, name: "Written", createdAt: new Date() } });
  console.log(id);
}
await database.close();
process.stdin.destroy();
