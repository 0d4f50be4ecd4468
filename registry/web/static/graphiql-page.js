"use strict";
// The first query is what the address holds behind #query=, so that a query can be linked to.
const given = new URLSearchParams(location.hash.slice(1)).get("query");
const first = given || `# Who provides what: the first five agencies and their services.
{
  agencies(first: 5) {
    totalCount
    nodes { name kind provides(first: 3) { role service { name } } }
  }
}
`;
const ask = async (operation, options) => {
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", ...(options && options.headers) },
    body: JSON.stringify(operation),
  });
  return answer.json();
};
ReactDOM.render(
  React.createElement(GraphiQL, { fetcher: ask, ...(given ? { query: first } : { defaultQuery: first }) }),
  document.getElementById("graphiql"),
);
