// For `node --import`, before anything else, in each thread. JavaScript, since Node.js would load a compiler of
// TypeScript for this file alone, into each thread: 20 MB.
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// Libraries leave out what only a developer needs, such as the checks of graphql-js for a second copy of itself.
process.env.NODE_ENV ??= "production";

// What V8 makes of the sources is kept for the next start, and so are the sources without their types.
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/compiled/", import.meta.url)));
