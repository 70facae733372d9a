import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { type KeyboardEvent, useEffect, useRef, type ReactNode } from "react";

/** The tabs of the session. The arrow keys go through them, Delete closes the one that has the focus. */
export function Tabs(): ReactNode {
  const tabs = useGraphiQL((state) => state.tabs);
  const active = useGraphiQL((state) => state.activeTabIndex);
  const { addTab, changeTab, closeTab } = useGraphiQLActions();
  const list = useRef<HTMLDivElement>(null);
  const focus = (index: number) => {
    changeTab(index);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[index]?.focus();
  };
  useEffect(() => {
    list.current?.querySelectorAll("[role=tab]")[active]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [active, tabs.length]);

  const moves: Readonly<Record<string, () => void>> = {
    ArrowRight: () => focus((active + 1) % tabs.length),
    ArrowLeft: () => focus((active + tabs.length - 1) % tabs.length),
    Home: () => focus(0),
    End: () => focus(tabs.length - 1),
    Delete: () => tabs.length > 1 && closeTab(active),
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  };

  return (
    <div className="tabs">
      <div role="tablist" aria-label="Operations" ref={list} onKeyDown={onKeyDown}>
        {tabs.map((tab, index) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            aria-selected={index === active}
            aria-controls="session"
            aria-keyshortcuts="Delete"
            tabIndex={index === active ? 0 : -1}
            onClick={() => index !== active && changeTab(index)}
          >
            {tab.title}
            {tabs.length > 1 && (
              // For the pointer: a button within a tab could not be reached by others.
              <span
                className="shut"
                aria-hidden="true"
                title="Close"
                onClick={(event) => {
                  event.stopPropagation();
                  closeTab(index);
                }}
              >
                ×
              </span>
            )}
          </button>
        ))}
      </div>
      <button type="button" className="add" aria-label="New tab" title="New tab" onClick={addTab}>
        +
      </button>
    </div>
  );
}
