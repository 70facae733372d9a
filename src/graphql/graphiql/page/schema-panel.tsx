import type { ReactNode } from "react";
import { DocExplorer, DocExplorerStore } from "@graphiql/plugin-doc-explorer";
import { Tooltip } from "@graphiql/react";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";

/** GraphiQL's documentation of the schema. */
export function SchemaPanel(): ReactNode {
  return (
    <div className="graphiql-container">
      <Tooltip.Provider>
        <DocExplorerStore>
          <DocExplorer />
        </DocExplorerStore>
      </Tooltip.Provider>
    </div>
  );
}
