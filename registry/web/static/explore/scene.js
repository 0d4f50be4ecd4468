// The scene: the records and links of the current view, from which drawing, table and files are made.
import { clustered } from "./clusters.js";
import { links as phrases, most, say } from "./page.js";

export function sceneOf(view, answers) {
  if (view.by) return rolledUp(answers.ties.nodes);
  if (view.impact || (view.from && view.to)) return finished({ ...merged([answers.found]), whole: true }, view);
  const { records, links } = merged(answers.near);
  return finished(filtered(records, links, view), view);
}

function merged(answers) {
  const records = new Map();
  const links = new Map();
  for (const answer of answers) {
    for (const record of answer.records) records.set(record.id, { ...record, ...atLeast(records.get(record.id), record) });
    for (const link of answer.links) links.set(`${link.link} ${link.from} ${link.to}`, link);
  }
  return { records: [...records.values()], links: [...links].map(([id, link]) => ({ id, ...link })) };
}

const atLeast = (known, { total }) => ({ total: total === undefined ? known?.total : Math.max(total, known?.total ?? 0) });

function filtered(records, links, view) {
  const fits = (record) =>
    view.kinds.includes(record.kind) && isIn(record.sectors, view.sector) && isIn(record.areas, view.area);
  const kept = records.filter((record) => view.of.includes(record.id) || fits(record));
  const ids = new Set(kept.map((record) => record.id));
  const shown = links.filter((link) => ids.has(link.from) && ids.has(link.to) && !view.hide.includes(link.link));
  const tied = new Set([...view.of, ...shown.flatMap((link) => [link.from, link.to])]);
  return { records: kept.filter((record) => tied.has(record.id)), links: shown, known: { records, links } };
}

const isIn = (terms, wanted) => !wanted || terms.some((term) => term.id === wanted);

function finished({ records, links, known, whole }, view) {
  const degree = degrees(links);
  const full = records.map((record) => shownRecord(record, degree.get(record.id) ?? 0, view.of.includes(record.id)));
  const scene = { records: full, links: links.map(spoken), known: known ?? { records, links }, whole };
  return full.length + links.length > most ? clustered(scene, view) : scene;
}

function shownRecord(record, degree, expanded) {
  const more = record.total === undefined || expanded ? 0 : Math.max(0, record.total - degree);
  const stateName = record.state ? say(record.state === "first" ? "stops_first" : record.state) : "";
  return { ...record, degree, more, expanded, stateName, sectorNames: record.sectors.map((sector) => sector.name).join("; ") };
}

export function degrees(links) {
  const degree = new Map();
  for (const { from, to } of links) for (const end of [from, to]) degree.set(end, (degree.get(end) ?? 0) + 1);
  return degree;
}

const spoken = (link) => ({ ...link, phrase: phrases[link.link][0] });

function rolledUp(ties) {
  const groups = new Map();
  for (const { a, b, agencies } of ties) {
    for (const group of a.id === b.id ? [a] : [a, b]) {
      const known = groups.get(group.id) ?? { id: group.id, kind: "", kindName: "", name: group.label, sectors: [], areas: [], weight: 0, group: true };
      groups.set(group.id, { ...known, weight: known.weight + agencies, within: a.id === b.id ? agencies : known.within });
    }
  }
  const links = ties.map((tie) => ({ id: `${tie.a.id} ${tie.b.id}`, from: tie.a.id, to: tie.b.id, weight: tie.agencies, phrase: say("tie", tie), group: true }));
  const degree = degrees(links.filter((link) => link.from !== link.to));
  const records = [...groups.values()].map((group) => ({ ...group, degree: degree.get(group.id) ?? 0, more: 0, stateName: "", sectorNames: "" }));
  return { records, links, known: { records: [], links: [] }, grouped: true };
}
