import {
  QueryEditor,
  ResponseEditor,
  useDragResize,
  useGraphiQL,
  useGraphiQLActions,
  useMonaco,
  VariableEditor,
} from "@graphiql/react";
import { useEffect, useLayoutEffect, useState, type ReactNode } from "react";
import { useStore } from "zustand";
import { type Exchange, exchanges } from "./exchange.ts";
import { Icon } from "./icons.tsx";
import { Tabs } from "./tabs.tsx";

/** The tabs, and the editors of the active one. */
export function Session(): ReactNode {
  const isReady = useMonaco((state) => Boolean(state.monaco));
  const isFetching = useGraphiQL((state) => state.isFetching);
  const [shown, setShown] = useState<"request" | "answer">("request");
  const { firstRef, dragBarRef, secondRef } = useDragResize({ direction: "horizontal", storageKey: "editorFlex" });
  useActiveTab();
  useRunByKeys();
  // Where there is room for one of the two only, the answer is shown as soon as it is asked for.
  useEffect(() => {
    if (isFetching) setShown("answer");
  }, [isFetching]);
  return (
    <div className="session">
      <Tabs />
      <div className="editors" id="session" role="tabpanel" aria-label="Operation and answer" data-shown={shown}>
        <div className="request" ref={firstRef}>
          <RequestTools onShowAnswer={() => setShown("answer")} />
          <section className="editor" aria-label="Operation Editor">
            {isReady ? <QueryEditor /> : <p className="loading">Loading the editor…</p>}
          </section>
          <Variables isReady={isReady} />
        </div>
        <div className="divider" ref={dragBarRef} />
        <div className="answer" ref={secondRef}>
          <AnswerTools onShowRequest={() => setShown("request")} />
          <div className="editor">
            <Hint />
            {isReady && <ResponseEditor />}
          </div>
        </div>
      </div>
    </div>
  );
}

/** Says which tab is shown, so that each request belongs to the one from which it was sent. */
function useActiveTab(): void {
  const id = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.id ?? "");
  useLayoutEffect(() => exchanges.setState({ activeTab: id }), [id]);
}

/** Runs the operation by Ctrl-Enter or Cmd-Enter wherever the focus is, but for a dialog. Editors may have done it. */
function useRunByKeys(): void {
  const { run } = useGraphiQLActions();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
      if (document.querySelector("dialog[open]")) return;
      // A button that has the focus would be pressed too.
      event.preventDefault();
      run();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [run]);
}

function RequestTools({ onShowAnswer }: { readonly onShowAnswer: () => void }) {
  const isFetching = useGraphiQL((state) => state.isFetching || state.subscription !== null);
  const operations = useGraphiQL((state) => state.operations);
  const operationName = useGraphiQL((state) => state.operationName);
  const { run, stop, prettifyEditors, setOperationName } = useGraphiQLActions();
  return (
    <div className="toolbar" role="toolbar" aria-label="Operation">
      <button type="button" className="button primary" onClick={isFetching ? stop : run} title="Ctrl-Enter">
        <Icon name={isFetching ? "stop" : "run"} />
        {isFetching ? "Stop" : "Run"}
      </button>
      {operations && operations.length > 1 && (
        <select
          aria-label="Operation to run"
          className="button"
          value={operationName ?? ""}
          onChange={(event) => setOperationName(event.target.value)}
        >
          {operations.map(({ name }) => (
            <option key={name?.value}>{name?.value}</option>
          ))}
        </select>
      )}
      <button type="button" className="tool" onClick={() => void prettifyEditors()} title="Shift-Ctrl-P">
        Format
      </button>
      <button type="button" className="tool push phone-only" onClick={onShowAnswer}>
        Answer ›
      </button>
    </div>
  );
}

function AnswerTools({ onShowRequest }: { readonly onShowRequest: () => void }) {
  const tab = useGraphiQL((state) => state.tabs[state.activeTabIndex]);
  const exchange = useStore(exchanges, ({ byTab }) => byTab[tab?.id ?? ""]);
  return (
    <div className="toolbar">
      <button type="button" className="tool phone-only" onClick={onShowRequest}>
        ‹ Operation
      </button>
      <p className="facts" role="status" aria-label="Facts of the answer">
        {exchange && tab?.response && <Facts exchange={exchange} />}
      </p>
    </div>
  );
}

const inWords = (count: number, unit: string) => `${count.toLocaleString("en")} ${unit}${count === 1 ? "" : "s"}`;

/** Says by which statements an answer was read. An answer that took none may still have come from the database. */
function statementsInWords({ statements, sharedStatements }: Exchange): string {
  if (statements === 0 && sharedStatements > 0) return "Read together with another request";
  if (statements === 0) return "No SQL statement";
  return inWords(statements ?? 0, "SQL statement");
}

function Facts({ exchange }: { readonly exchange: Exchange }) {
  const { status, milliseconds, bytes, cost, statements } = exchange;
  return (
    <>
      <span>
        HTTP <b className={status < 400 ? "good" : "bad"}>{status}</b>
      </span>
      <span>
        <b>{milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)}</b> ms
      </span>
      {bytes > 0 && (
        <span>
          <b>{bytes < 10_000 ? bytes.toLocaleString("en") : `${Math.round(bytes / 1000)} k`}</b>
          {bytes < 10_000 ? " bytes" : "B"}
        </span>
      )}
      {cost && (
        <span title={`${inWords(cost.remaining, "point")} of ${cost.limit.toLocaleString("en")} left in this minute`}>
          <b>{cost.cost.toLocaleString("en")}</b>
          {cost.cost === 1 ? " point" : " points"}
        </span>
      )}
      {statements !== null && <span>{statementsInWords(exchange)}</span>}
    </>
  );
}

function Variables({ isReady }: { readonly isReady: boolean }) {
  const usesVariables = useGraphiQL((state) =>
    Boolean(state.operations?.some(({ variableDefinitions }) => variableDefinitions?.length)),
  );
  const [chosen, setChosen] = useState<boolean | null>(null);
  const isOpen = chosen ?? usesVariables;
  return (
    <section className={isOpen ? "variables open" : "variables"} aria-label="Variables">
      <button type="button" aria-expanded={isOpen} aria-controls="variables" onClick={() => setChosen(!isOpen)}>
        <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> Variables
      </button>
      <div className="editor" id="variables">
        {isReady && <VariableEditor />}
      </div>
    </section>
  );
}

/** What stands in the place of the answer until there is one. */
function Hint() {
  const response = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.response);
  const isFetching = useGraphiQL((state) => state.isFetching);
  if (isFetching) return <p className="empty">Waiting for the answer…</p>;
  if (response) return null;
  return (
    <p className="empty">
      The answer appears here. <kbd>Ctrl</kbd> <kbd>Enter</kbd> runs the operation, <kbd>Ctrl</kbd> <kbd>Space</kbd> suggests
      fields.
    </p>
  );
}
