// The scene: the records and links of the current view. The drawing, the table and the exported files are made from it.
import { clustered } from "./clusters.js";
import { links as phrases, most, translate } from "./page.js";

export function sceneOf(view, results) {
  if (view.by) return groupScene(results.ties.nodes);
  if (view.impact || (view.from && view.to)) return finished({ ...merged([results.found]), whole: true }, view);
  const { records, links } = merged(results.near);
  return finished(filtered(records, links, view), view);
}

function merged(results) {
  const records = new Map();
  const links = new Map();
  for (const result of results) {
    for (const record of result.records) records.set(record.id, { ...record, ...atLeast(records.get(record.id), record) });
    for (const link of result.links) links.set(`${link.link} ${link.from} ${link.to}`, link);
  }
  return { records: [...records.values()], links: [...links].map(([id, link]) => ({ id, ...link })) };
}

const atLeast = (known, { total }) => ({ total: total === undefined ? known?.total : Math.max(total, known?.total ?? 0) });

function filtered(records, links, view) {
  const fits = (record) =>
    view.kinds.includes(record.kind) && isIn(record.sectors, view.sector) && isIn(record.areas, view.area);
  const visible = records.filter((record) => view.of.includes(record.id) || fits(record));
  const ids = new Set(visible.map((record) => record.id));
  const shown = links.filter((link) => ids.has(link.from) && ids.has(link.to) && !view.hide.includes(link.link));
  const linked = new Set([...view.of, ...shown.flatMap((link) => [link.from, link.to])]);
  return { records: visible.filter((record) => linked.has(record.id)), links: shown, known: { records, links } };
}

const isIn = (terms, wanted) => !wanted || terms.some((term) => term.id === wanted);

function finished({ records, links, known, whole }, view) {
  const degree = degrees(links);
  const full = records.map((record) => shownRecord(record, degree.get(record.id) ?? 0, view.of.includes(record.id)));
  const scene = { records: full, links: links.map(withPhrase), known: known ?? { records, links }, whole };
  return full.length + links.length > most ? clustered(scene, view) : scene;
}

function shownRecord(record, degree, expanded) {
  const more = record.total === undefined || expanded ? 0 : Math.max(0, record.total - degree);
  const stateName = record.state ? translate(record.state === "first" ? "stops_first" : record.state) : "";
  return { ...record, degree, more, expanded, stateName, sectorNames: record.sectors.map((sector) => sector.name).join("; ") };
}

export function degrees(links) {
  const degree = new Map();
  for (const { from, to } of links) for (const end of [from, to]) degree.set(end, (degree.get(end) ?? 0) + 1);
  return degree;
}

const withPhrase = (link) => ({ ...link, phrase: phrases[link.link][0] });

function groupScene(ties) {
  const groups = new Map();
  for (const { a, b, agencies } of ties) {
    for (const group of a.id === b.id ? [a] : [a, b]) {
      const known = groups.get(group.id) ?? { id: group.id, kind: "", kindName: "", name: group.label, sectors: [], areas: [], weight: 0, group: true };
      groups.set(group.id, { ...known, weight: known.weight + agencies, within: a.id === b.id ? agencies : known.within });
    }
  }
  const links = ties.map((tie) => ({ id: `${tie.a.id} ${tie.b.id}`, from: tie.a.id, to: tie.b.id, weight: tie.agencies, phrase: translate("tie", { ...tie, pairs: translate("pairs", { n: tie.agencies }) }), group: true }));
  const degree = degrees(links.filter((link) => link.from !== link.to));
  const records = [...groups.values()].map((group) => ({ ...group, degree: degree.get(group.id) ?? 0, more: 0, stateName: "", sectorNames: "" }));
  return { records, links, known: { records: [], links: [] }, grouped: true };
}
