import { useHistory, useHistoryActions } from "@graphiql/plugin-history";
import type { ReactNode } from "react";
import { useOpenOperation } from "./open-operation.ts";

/** The operations that were run, the last one first. GraphiQL's plugin keeps them, also after a reload. */
export function HistoryPanel(): ReactNode {
  const items = useHistory();
  const { deleteFromHistory, toggleFavorite } = useHistoryActions();
  const open = useOpenOperation();
  if (items.length === 0) return <p className="note">Nothing was run yet.</p>;
  return (
    <>
      <p className="note">Kept in this browser, without keys and answers.</p>
      <ul>
        {items.toReversed().map((item) => {
          const name = item.label ?? item.operationName ?? item.query?.slice(0, 40) ?? "Unnamed";
          return (
            <li key={`${item.query}${item.variables}`} className="run">
              <button
                type="button"
                className="example"
                onClick={() => open(item.operationName ?? name, item.query ?? "", item.variables ?? "")}
              >
                {name}
              </button>
              <button
                type="button"
                className="tool"
                aria-pressed={item.favorite ?? false}
                aria-label={`Favourite ${name}`}
                onClick={() => toggleFavorite(item)}
              >
                {item.favorite === true ? "★" : "☆"}
              </button>
              <button type="button" className="tool" aria-label={`Forget ${name}`} onClick={() => deleteFromHistory(item)}>
                ×
              </button>
            </li>
          );
        })}
      </ul>
    </>
  );
}
