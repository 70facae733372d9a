import { useGraphiQL } from "@graphiql/react";
import { useState, type ReactNode } from "react";
import { languages } from "./code-export.ts";
import { settings } from "./settings.ts";

/** The operation of the active tab as code in several languages. */
export function CodePanel(): ReactNode {
  const tab = useGraphiQL((state) => state.tabs[state.activeTabIndex]);
  const schema = useGraphiQL((state) => state.schema);
  const [chosen, setChosen] = useState(0);
  const [isCopied, setIsCopied] = useState(false);
  const language = languages[chosen];
  if (!language || !tab?.query) return <p className="note">Write an operation first.</p>;
  const code = language.write(
    {
      url: `${settings.publicUrl}/graphql`,
      query: tab.query,
      variables: tab.variables ?? "",
      operationName: tab.operationName ?? "",
    },
    schema ?? undefined,
  );
  const copy = async () => {
    await navigator.clipboard.writeText(code);
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), 2_000);
  };
  return (
    <>
      <div className="choices" role="group" aria-label="Language">
        {languages.map(({ name }, index) => (
          <button key={name} type="button" className="button" aria-pressed={index === chosen} onClick={() => setChosen(index)}>
            {name}
          </button>
        ))}
      </div>
      <pre className="code" tabIndex={0} aria-label={`${tab.title} in ${language.name}`}>
        {code}
      </pre>
      <p className="note">{language.about}</p>
      <button type="button" className="button" onClick={() => void copy()}>
        {isCopied ? "Copied" : "Copy"}
      </button>
    </>
  );
}
