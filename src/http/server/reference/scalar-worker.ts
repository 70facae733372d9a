// The worker thread that compresses Scalar's script, 5 MB of text. It ends afterwards, which frees the memory of its
// modules. Started by reference.ts.
import { parentPort } from "node:worker_threads";
import { brotliCompressSync, constants } from "node:zlib";
import scalar from "@scalar/fastify-api-reference";
import Fastify from "fastify";

const routePrefix = "/reference";
const app = Fastify();
// The package has its script inside of itself, and hands it out by this route only.
await app.register(scalar, { routePrefix, configuration: { url: "/openapi.json" } });
const { statusCode, body } = await app.inject(`${routePrefix}/js/scalar.js`);
await app.close();
if (statusCode !== 200) throw new Error(`@scalar/fastify-api-reference answered ${statusCode} for its script.`);

/** What Scalar shows in an empty field for a key looks like a key. A test holds that it is gone from the script. */
const withoutPretendedKey = body.replaceAll("QUxMIFlPVVIgQkFTRSBBUkUgQkVMT05HIFRPIFVT", "Paste your API key");

parentPort?.postMessage({
  // A client waits for it: 11, the most, takes ten seconds and saves a tenth of the bytes.
  br: brotliCompressSync(withoutPretendedKey, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
});
