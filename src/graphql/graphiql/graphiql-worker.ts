// Compresses GraphiQL's files, 9 MB of text, away from the main thread, and ends: what it loaded for that goes with it. Started
// by graphiql.ts.
import { readFileSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { css, editorWorkerService, graphqlWorker, js, jsonWorker } from "@graphql-yoga/render-graphiql/graphiql";
import type { CompressedAssets, GraphiqlAssetName } from "./graphiql.ts";

const sources: Record<GraphiqlAssetName, string> = {
  "graphiql.css": css,
  "graphiql.js": js,
  "start.css": readFileSync(new URL("./graphiql-start.css", import.meta.url), "utf8"),
  "start.js": readFileSync(new URL("./graphiql-start.js", import.meta.url), "utf8"),
  "editor-worker.js": editorWorkerService,
  "graphql-worker.js": graphqlWorker,
  "json-worker.js": jsonWorker,
};

const assets: CompressedAssets = new Map(
  Object.entries(sources).map(([name, text]) => [
    name,
    {
      // Somebody waits for it: 9 takes three times as long for a twenty-fifth less, and 11 far longer.
      br: brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
      gzip: gzipSync(text),
    },
  ]),
);

parentPort?.postMessage(assets);
