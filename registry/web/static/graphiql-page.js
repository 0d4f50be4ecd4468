"use strict";
const place = document.getElementById("graphiql");
const query = place.dataset.query;
const variables = place.dataset.variables;
const fetcher = async (operation, options) => {
  const answer = await fetch(location.pathname, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", ...(options && options.headers) },
    body: JSON.stringify(operation),
  });
  return answer.json();
};
const Page = () => {
  const [text, setText] = React.useState("asked" in place.dataset ? query : undefined);
  const explorer = GraphiQLPluginExplorer.useExplorerPlugin({ query: text || "", onEdit: setText });
  return React.createElement(GraphiQL, { fetcher, query: text, variables, onEditQuery: setText, defaultQuery: query, plugins: [explorer] });
};
ReactDOM.render(React.createElement(Page), place);
