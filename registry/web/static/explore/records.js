// Converts GraphQL records to records of the explorer.
import { codes, day, kinds, language } from "./page.js";

const labelled = language === "id" ? "labelId" : "labelEn";

export const label = (record) => record[labelled] || record.name;

export function fromSummary(record) {
  const kind = record.__typename;
  const sectors = distinct(sectorsOf(record)).map(term);
  return { id: record.id, kind, kindName: kinds[kind].one, name: nameOf(record, kind), sectors, areas: areasOf(record).map(term) };
}

function sectorsOf(record) {
  const agencies = [record, record.agency, ...(record.owners ?? []), ...(record.parties ?? []).map((party) => party.agency)];
  const own = record.__typename === "Sector" ? [record] : [];
  return [...own, ...agencies.flatMap((agency) => agency?.sectors ?? [])];
}

const areasOf = (record) => [...(record.__typename === "Area" ? [record] : []), ...(record.areas ?? [])];

function nameOf(record, kind) {
  const { one } = kinds[kind];
  if (kind === "Channel") return `${codes["channel-kind"][record.kind] ?? one}: ${record.address ?? record.name}`;
  if (kind === "Statement" || kind === "Feedback") return [one, ...[record.on ?? record.received].filter(Boolean).map(day)].join(", ");
  return label(record);
}

const term = (record) => ({ id: record.id, name: label(record) });
const distinct = (records) => [...new Map(records.map((record) => [record.id, record])).values()];
