// The peer: @neo4j/graphql behind graphql-yoga. node peer.mjs PORT, in the folder of its packages and peer.graphql.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { Neo4jGraphQL } from "@neo4j/graphql";
import { createYoga } from "graphql-yoga";
import neo4j from "neo4j-driver";

const driver = neo4j.driver(process.env.NEO4J_URI);
const typeDefs = readFileSync("peer.graphql", "utf8");
const schema = await new Neo4jGraphQL({ typeDefs, driver }).getSchema();
const yoga = createYoga({ schema, logging: false, graphiql: false });
createServer(yoga).listen(Number(process.argv[2]), "127.0.0.1");
