import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { restoreIdentity } from "./identity.ts";
import "./graphiql.css";

// Monaco names no worker itself. Only the JSON of the variables is checked by one.
self.MonacoEnvironment = {
  getWorker: (_id: string, label: string) =>
    new Worker(new URL("./worker.ts", import.meta.url), { name: label, type: "module" }),
};

void restoreIdentity();

const root = document.querySelector("#root");
if (root)
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
