// What an application with Relay writes: pages of a connection, fragments on Node, and records that are fetched again.
import { graphql } from "relay-runtime";

export const page = graphql`
  query DirectoryQuery($first: Int!, $after: String) {
    ...Directory_agencies @arguments(first: $first, after: $after)
  }
`;

export const agencies = graphql`
  fragment Directory_agencies on Query
  @refetchable(queryName: "DirectoryAgenciesQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 3 }, after: { type: "String" }) {
    agencies(first: $first, after: $after, where: { provides: { some: {} } })
      @connection(key: "Directory_agencies", filters: ["where"]) {
      totalCount
      edges {
        node {
          ...Directory_record
          provides(first: 2) { role service { name } }
        }
      }
    }
  }
`;

export const services = graphql`
  fragment Directory_services on Query
  @refetchable(queryName: "DirectoryServicesQuery")
  @argumentDefinitions(last: { type: "Int", defaultValue: 3 }, before: { type: "String" }) {
    services(last: $last, before: $before) @connection(key: "Directory_services") {
      edges { node { name } }
    }
  }
`;

export const hits = graphql`
  fragment Directory_search on Query
  @refetchable(queryName: "DirectorySearchQuery")
  @argumentDefinitions(text: { type: "String!" }, first: { type: "Int", defaultValue: 3 }, after: { type: "String" }) {
    search(text: $text, first: $first, after: $after) @connection(key: "Directory_search") {
      edges { node { score record { ...Directory_record } } }
    }
  }
`;

export const record = graphql`
  fragment Directory_record on Node @refetchable(queryName: "DirectoryRecordQuery") {
    __typename
    ... on Record { name }
    ... on Agency { acronym }
    ... on Service { providers { role agency { name } } }
  }
`;

export const records = graphql`
  query DirectoryRecordsQuery($ids: [ID!]!, $of: ID!) {
    nodes(ids: $ids) { ...Directory_record }
    impact(of: $of) { services { lost record { ...Directory_record } } }
    codeList(name: AGENCY_KIND) { entries { code label } }
  }
`;
