// Runs the GraphQL queries of the explorer, and converts their results to records and links.
import { known, operations } from "./page.js";
import { fromSummary } from "./records.js";

export class RequestError extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

async function ask(name, variables) {
  let answer;
  try {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ query: operations[name], variables }),
    });
    answer = await response.json();
  } catch {
    throw new RequestError("UNAVAILABLE");
  }
  if (answer.errors) throw new RequestError(answer.errors[0].extensions?.code);
  return answer.data;
}

const cache = new Map();

function cached(key, answer) {
  if (!cache.has(key)) {
    cache.set(key, answer().catch((error) => {
      cache.delete(key);
      throw error;
    }));
  }
  return cache.get(key);
}

const existing = (answer) => {
  if (answer === null) throw new RequestError("NOT_FOUND");
  return answer;
};

export const neighbourhood = (of, on) =>
  cached(`near ${on} ${of}`, async () => {
    const here = known?.of === of && known.neighbourhood && !on;
    return near(of, here ? known.neighbourhood : existing((await ask("neighbourhood", { of, day: on || null })).neighbourhood));
  });

export const ties = (by, on) => cached(`ties ${on} ${by}`, async () => (await ask("ties", { by, day: on || null })).ties);

// An impact lists the first affected records. If there are more, the view's filters apply to all of them.
export async function impact(of, on, filters) {
  const first = await cached(`impact ${on} ${of}`, async () => {
    const here = known?.impact && known.of === of && known.day === on;
    return impactScene(here ? known.impact : existing((await ask("impact", { of, day: on || null })).impact));
  });
  const { sector, area, kinds } = filters;
  if (!first.cut || !(sector || area || kinds)) return first;
  const narrowed = await cached(`impact ${on} ${of} ${sector} ${area} ${kinds}`, async () => {
    const asked = { sector: sector || null, area: area || null, kinds: kinds?.map(kindCode) ?? null };
    return impactScene(existing((await ask("impact", { of, day: on || null, ...asked })).impact));
  });
  const records = new Map([...first.records, ...narrowed.records].map((record) => [record.id, record]));
  return { ...narrowed, records: [...records.values()], links: [...first.links, ...narrowed.links] };
}

const kindCode = (kind) => kind.replace(/(?<=.)[A-Z]/g, "_$&").toUpperCase();

export const paths = (from, to, through, on) =>
  cached(`paths ${on} ${from} ${to} ${through}`, async () => {
    const found = existing((await ask("paths", { from, to, through, day: on || null })).paths);
    const shown = found.nodes.length ? pathScene(found.nodes) : apart(await Promise.all([from, to].map(record)));
    return { ...shown, withheld: found.withheld };
  });

export const record = (id) => cached(`record ${id}`, async () => existing((await ask("record", { id })).record));

const apart = (ends) => ({ records: ends.map((end, i) => ({ ...fromSummary(end), steps: i })), links: [], paths: [] });

// `more` is the number of a record's links that are not shown. It is null if the user may not see the links of the record.
function near(of, { nodes, links, leftOut, notCurrent, withheld }) {
  const seen = new Map();
  for (const { from, to } of links) for (const end of [from, to]) seen.set(end, (seen.get(end) ?? 0) + 1);
  const total = ({ record, more }) => (more === null ? { hidden: true } : { total: more + (seen.get(record.id) ?? 0) });
  const records = nodes.map((node) => ({ ...fromSummary(node.record), ...total(node) }));
  return { of, records, links, leftOut, notCurrent, withheld };
}

const sumOf = (totals) => totals.reduce((sum, { lost, degraded }) => sum + lost + degraded, 0);

function impactScene({ record, services, resources, agencies, areas, withheld, totals, matching, unplaced }) {
  const hits = [...services, ...resources, ...agencies, ...areas];
  const records = [
    { ...fromSummary(record), state: "first", steps: 0 },
    ...hits.map((hit) => ({ ...fromSummary(hit.record), state: hit.lost ? "lost" : "degraded", why: hit.text, steps: hit.chain.length })),
  ];
  const cut = sumOf(matching) > hits.length;
  return { records, links: hits.flatMap((hit) => hit.chain.map(directed)), withheld, cut, totals, matching: sumOf(matching), unplaced };
}

function pathScene(found) {
  const steps = found.flatMap((path) => path.steps);
  const records = new Map(steps.flatMap((step) => [step.from, step.to]).map((record) => [record.id, fromSummary(record)]));
  for (const path of found) path.steps.forEach((step, i) => nearer(records.get(step.to.id), i + 1));
  return { records: [...records.values()], links: steps.map(directed), paths: found.map((path) => ({ ...path, ids: idsOf(path) })) };
}

const idsOf = (path) => [path.steps[0].from.id, ...path.steps.map((step) => step.to.id)];
const nearer = (record, steps) => (record.steps = Math.min(record.steps ?? steps, steps));
const directed = ({ link, forward, from, to }) => (forward ? { link, from: from.id, to: to.id } : { link, from: to.id, to: from.id });
