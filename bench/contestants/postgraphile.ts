import { createServer } from "node:http";
import { grafserv } from "postgraphile/grafserv/node";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { ready, settings } from "./contestant.ts";

// PostGraphile as its documentation sets it up, with its planner's defaults. No authorization, as the other contestants
// but the gateway.
const { url, port, connections } = settings();
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  // Without this there are no fields for children, because our indexes begin with the most selective column and not
  // with all columns of a foreign key.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  pgServices: [makePgService({ connectionString: url, poolConfig: { max: connections } })],
  grafserv: { graphqlPath: "/graphql", graphiql: false, watch: false, websockets: false },
  grafast: { explain: false },
});
const server = createServer();
await instance.createServ(grafserv).addTo(server);
server.listen(port, "127.0.0.1", ready);
