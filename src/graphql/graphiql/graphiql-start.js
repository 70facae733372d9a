// Runs in the browser, after graphiql.js: starts GraphiQL with the options that the page carries.

const options = JSON.parse(document.querySelector("#graphiql-options").textContent);

self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (_module, label) => options.workers[label],
};

// A key that is pasted in one tab serves the others too, as long as the page is open: GraphiQL has headers a tab. While
// there is none, the text that asks for it is not sent as one: the schema can be read without a key.
const send = globalThis.fetch.bind(globalThis);
let pastedKey = null;
globalThis.fetch = (input, init) => {
  const headers = new Headers(init?.headers);
  const key = headers.get(options.keyHeader);
  if (key !== options.keyPlaceholder) pastedKey = key ?? pastedKey;
  else if (pastedKey !== null) headers.set(options.keyHeader, pastedKey);
  else headers.delete(options.keyHeader);
  return send(input, { ...init, headers });
};

// Kept under names of our own, since development servers of a machine often share an origin. Headers, and the key with
// them, are not kept, unless that is chosen in GraphiQL's settings.
const prefix = "ticket-notes/";
const ownKeys = () => Object.keys(localStorage).filter((key) => key.startsWith(prefix));
const storage = {
  get length() {
    return ownKeys().length;
  },
  getItem: (key) => localStorage.getItem(prefix + key) ?? (key === "graphiql:shouldPersistHeaders" ? "false" : null),
  setItem: (key, value) => localStorage.setItem(prefix + key, value),
  removeItem: (key) => localStorage.removeItem(prefix + key),
  clear: () => ownKeys().forEach((key) => localStorage.removeItem(key)),
};

// In this build of GraphiQL a tab that is pressed flies to the end of the row, where the click misses it, or changes
// places with its neighbour. So tabs cannot be dragged, and start.css holds them where they are.
addEventListener(
  "pointerdown",
  (event) => {
    if (event.target.closest(".graphiql-tabs")) event.stopPropagation();
  },
  true,
);

globalThis.YogaGraphiQL.renderYogaGraphiQL(document.querySelector("#root"), {
  endpoint: options.endpoint,
  title: options.title,
  logo: options.logo,
  headers: options.headers,
  defaultTabs: options.tabs,
  defaultEditorToolsVisibility: "headers",
  // Offers the choice; what is chosen at first is the storage's answer above.
  shouldPersistHeaders: true,
  storage,
  // Without this every key stroke puts the query into the address, and from there into the server's log.
  onEditQuery: () => undefined,
});
