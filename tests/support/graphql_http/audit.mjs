// Asks a GraphQL endpoint everything that graphql-http knows of GraphQL over HTTP; writes one line of JSON an audit.
import { serverAudits } from "graphql-http";

for (const audit of serverAudits({ url: process.argv[2] })) {
  const { id, name, status, reason } = await audit.fn();
  console.log(JSON.stringify({ id, name, status, reason }));
}
