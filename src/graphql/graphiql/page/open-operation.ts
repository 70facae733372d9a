import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";

/** Returns a function that shows an operation in its tab, which it opens if there is none of that name. */
export function useOpenOperation(): (name: string, query: string, variables: string) => void {
  const tabs = useGraphiQL((state) => state.tabs);
  const active = useGraphiQL((state) => state.activeTabIndex);
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const { addTab, changeTab, updateActiveTabValues } = useGraphiQLActions();
  return (name, query, variables) => {
    const known = tabs.findIndex(({ title }) => title === name);
    if (known < 0) addTab();
    else if (known !== active) changeTab(known);
    updateActiveTabValues({ query, variables, operationName: name, response: null });
    queryEditor?.setValue(query);
    variableEditor?.setValue(variables);
    queryEditor?.setScrollTop(0);
  };
}
