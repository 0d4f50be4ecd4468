// Reads a running registry through the caches of Apollo Client and urql; writes what the caches hold as JSON.
import { readFileSync } from "node:fs";
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";
import { Client, fetchExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { getIntrospectionQuery, parse, print } from "graphql";

const [, , url, file] = process.argv;
const definitions = parse(readFileSync(file, "utf8")).definitions;
const fragments = definitions.filter((one) => one.kind === "FragmentDefinition");

function operation(name) {
  const text = print(definitions.find((one) => one.kind === "OperationDefinition" && one.name.value === name));
  const used = fragments.filter((one) => text.includes(`...${one.name.value}`));
  return [text, ...used.map(print)].join("\n");
}

const warnings = [];
for (const level of ["warn", "error"]) console[level] = (...words) => warnings.push(words.map(String).join(" "));

async function introspect() {
  const body = JSON.stringify({ query: getIntrospectionQuery() });
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  return (await response.json()).data;
}

const schema = await introspect();
const possibleTypes = Object.fromEntries(
  schema.__schema.types.filter((one) => one.possibleTypes).map((one) => [one.name, one.possibleTypes.map((each) => each.name)]),
);

async function apollo() {
  const cache = new InMemoryCache({
    possibleTypes,
    typePolicies: { Query: { fields: { agencies: relayStylePagination(["where", "order"]) } } },
  });
  const client = new ApolloClient({ cache, link: new HttpLink({ uri: url }) });
  const ask = async (name, variables) => (await client.query({ query: gql(operation(name)), variables })).data;
  const pages = client.watchQuery({ query: gql(operation("Agencies")), variables: { first: 3 } });
  let shown;
  const first = await new Promise((resolve) => {
    shown = pages.subscribe(({ data, loading }) => loading || resolve(data));
  });
  await pages.fetchMore({ variables: { after: first.agencies.pageInfo.endCursor } });
  const merged = client.readQuery({ query: gql(operation("Agencies")), variables: { first: 3 } });
  shown.unsubscribe();
  const agency = first.agencies.edges.find((edge) => edge.node.provides.length).node;
  const ids = [agency.id, agency.provides[0].service.id];
  const nodes = (await ask("Records", { ids })).nodes;
  const entries = Object.keys(cache.extract());
  const known = cache.extract()[`Agency:${agency.id}`];
  return { pages: merged.agencies.edges.map((edge) => edge.node.id), agency, nodes, entries, known };
}

async function urql({ agency, nodes }) {
  const client = new Client({
    url,
    preferGetMethod: false,
    exchanges: [
      cacheExchange({
        schema,
        resolvers: { Query: { agencies: relayPagination(), agency: (_parent, { id }) => ({ __typename: "Agency", id }) } },
      }),
      fetchExchange,
    ],
  });
  const ask = async (name, variables, requestPolicy = "cache-first") => {
    const { data, error } = await client.query(operation(name), variables, { requestPolicy }).toPromise();
    if (error) throw error;
    return data;
  };
  const first = await ask("Agencies", { first: 3 });
  const second = await ask("Agencies", { first: 3, after: first.agencies.pageInfo.endCursor });
  const before = await ask("Agency", { id: agency.id }, "cache-only");
  await ask("Records", { ids: nodes.map((one) => one.id) });
  const after = await ask("Agency", { id: agency.id }, "cache-only");
  return { pages: second.agencies.edges.map((edge) => edge.node.id), before, after };
}

const found = await apollo();
console.log(JSON.stringify({ apollo: found, urql: await urql(found), warnings }));
