// Pages through the notes of a ticket with Relay, whose store joins the pages.
//
//   KEY=tnk_… npx node examples/relay/app.mjs
import relay from "relay-runtime";
import nextPageQuery from "./__generated__/operationsNextPageQuery.graphql.js";
import notesFragment from "./__generated__/operationsNotes.graphql.js";
import pageQuery from "./__generated__/operationsPageQuery.graphql.js";

const { createOperationDescriptor, Environment, fetchQuery, getSingularSelector, Network, RecordSource, Store } = relay;
const { GATEWAY: gateway = "http://127.0.0.1:4000", KEY: key = "" } = process.env;

const environment = new Environment({
  store: new Store(new RecordSource()),
  network: Network.create(async ({ text: query }, variables) => {
    const response = await fetch(`${gateway}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": key },
      body: JSON.stringify({ query, variables }),
    });
    return response.json();
  }),
});

// In React, usePaginationFragment does all of this.
const count = 10;
const operation = createOperationDescriptor(pageQuery, { count });
environment.retain(operation);
await fetchQuery(environment, pageQuery, { count }).toPromise();
const [ticket] = environment.lookup(operation.fragment).data.tickets.nodes;
if (ticket === undefined) throw new Error("This person sees no ticket.");

/** Returns the notes that the store has, of all pages. */
const storedNotes = () => environment.lookup(getSingularSelector(notesFragment, ticket)).data.notes;

for (let { pageInfo } = storedNotes(); pageInfo.hasNextPage; { pageInfo } = storedNotes())
  await fetchQuery(environment, nextPageQuery, { id: ticket.id, count, cursor: pageInfo.endCursor }).toPromise();
console.log(`${ticket.subject}: ${storedNotes().edges.length} notes`);
