import { GraphiQLProvider, useGraphiQL } from "@graphiql/react";
import { HistoryStore } from "@graphiql/plugin-history";
import { type ComponentType, lazy, Suspense, useEffect, useRef, useState, type ReactNode } from "react";
import { Bar } from "./bar.tsx";
import { examples } from "./examples.ts";
import { ExamplesPanel } from "./examples-panel.tsx";
import { fetcher } from "./exchange.ts";
import { Icon, type IconName } from "./icons.tsx";
import { Session } from "./session.tsx";
import { storage } from "./storage.ts";

interface Panel {
  readonly name: string;
  readonly icon: IconName;
  readonly content: ComponentType;
}

/** Returns a component that is loaded when it is first shown. */
function later(load: () => Promise<ComponentType>): ComponentType {
  return lazy(async () => ({ default: await load() }));
}

const panels: readonly Panel[] = [
  { name: "Examples", icon: "examples", content: ExamplesPanel },
  { name: "Schema", icon: "schema", content: later(async () => (await import("./schema-panel.tsx")).SchemaPanel) },
  { name: "History", icon: "history", content: later(async () => (await import("./history-panel.tsx")).HistoryPanel) },
  { name: "Upload", icon: "upload", content: later(async () => (await import("./upload-panel.tsx")).UploadPanel) },
  { name: "Code", icon: "code", content: later(async () => (await import("./code-panel.tsx")).CodePanel) },
];

const editorTheme = { light: "ticket-notes-light", dark: "ticket-notes-dark" };
const [firstExample] = examples;

/** The operation in the page's address (`?query=…&variables=…`), as the documentation links to it. */
function linkedOperation(): { initialQuery?: string; initialVariables?: string } {
  const parameters = new URLSearchParams(location.search);
  const query = parameters.get("query");
  if (query === null) return {};
  // The editors keep it from now on. In the address it would come back with each reload.
  history.replaceState(null, "", location.pathname + location.hash);
  return { initialQuery: query, initialVariables: parameters.get("variables") ?? "" };
}

const linked = linkedOperation();

export function App(): ReactNode {
  return (
    <GraphiQLProvider
      fetcher={fetcher}
      storage={storage}
      defaultTabs={[{ query: linked.initialQuery ?? firstExample?.query ?? "", variables: linked.initialVariables ?? null }]}
      editorTheme={editorTheme}
      dangerouslyAssumeSchemaIsValid
      {...linked}
    >
      <HistoryStore maxHistoryLength={50}>
        <Page />
      </HistoryStore>
    </GraphiQLProvider>
  );
}

/** Wide windows begin with the examples open, beside the editor. */
const isWide = matchMedia("(min-width: 48.01rem)").matches;

function Page() {
  const [openName, setOpenName] = useState<string | null>(isWide ? "Examples" : null);
  const open = panels.find(({ name }) => name === openName);
  const buttons = useRef<Record<string, HTMLButtonElement | null>>({});
  const tab = useGraphiQL((state) => state.activeTabIndex);
  const tabs = useGraphiQL((state) => state.tabs.length);

  const close = () => {
    if (openName !== null) buttons.current[openName]?.focus();
    setOpenName(null);
  };
  // On a phone a panel covers the editor, which is where a chosen operation goes.
  useEffect(() => {
    if (!isWide) setOpenName(null);
  }, [tab, tabs]);

  return (
    <div className="page">
      <Bar />
      <nav className="panels" aria-label="Panels">
        {panels.map(({ name, icon }) => (
          <button
            key={name}
            type="button"
            ref={(button) => void (buttons.current[name] = button)}
            aria-expanded={name === openName}
            aria-controls="panel"
            onClick={() => setOpenName(name === openName ? null : name)}
          >
            <Icon name={icon} />
            {name}
          </button>
        ))}
      </nav>
      <main className="desk">
        {open && (
          <section id="panel" className="panel" aria-label={open.name} onKeyDown={(event) => event.key === "Escape" && close()}>
            <div className="panel-head">
              <h2>{open.name}</h2>
              <button type="button" className="close" aria-label={`Close ${open.name}`} onClick={close}>
                ×
              </button>
            </div>
            <Suspense fallback={<p className="note">Loading…</p>}>
              <open.content />
            </Suspense>
          </section>
        )}
        <Session />
      </main>
    </div>
  );
}
