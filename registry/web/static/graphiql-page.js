"use strict";
const container = document.getElementById("graphiql");
const query = container.dataset.query;
const variables = container.dataset.variables;
const fetcher = async (operation, options) => {
  const response = await fetch(location.pathname, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", ...(options && options.headers) },
    body: JSON.stringify(operation),
  });
  return response.json();
};
const Page = () => {
  const [text, setText] = React.useState("given" in container.dataset ? query : undefined);
  const explorer = GraphiQLPluginExplorer.useExplorerPlugin({ query: text || "", onEdit: setText });
  return React.createElement(GraphiQL, { fetcher, query: text, variables, onEditQuery: setText, defaultQuery: query, plugins: [explorer] });
};
ReactDOM.render(React.createElement(Page), container);
