import { createServer } from "node:http";
import { ready, settings } from "./contestant.ts";

// An HTTP server that returns an empty object and asks no database: what the load generator can get from Node.js.
const { port } = settings();

createServer((request, response) => {
  request.resume();
  request.on("end", () => response.setHeader("content-type", "application/json").end("{}"));
}).listen(port, "127.0.0.1", ready);
