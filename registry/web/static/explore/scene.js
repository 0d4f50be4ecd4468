// The scene: the records and links of the current view. The drawing, the table and the exported files are made from it.
import { bundled, clustered } from "./clusters.js";
import { layoutFor } from "./layouts.js";
import { links as phrases, most, translate } from "./page.js";
import { kindsOf } from "./view.js";

// `size` is the width and height of the canvas in px: it decides which records are bundled.
export function sceneOf(view, results, size = { width: 0, height: 0 }) {
  if (view.by) return laidOut(groupScene(results.ties.nodes), view, size);
  const { records, links } = merged(results.near ?? [results.found]);
  if (view.impact) return finished(affected(records, links, view), view, size);
  if (view.from && view.to) return finished({ records, links, whole: true }, view, size);
  return finished(filtered(records, links, view), view, size);
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

// An affected record that a filter leaves out is left out with its links. The chain of links to other records may then have a gap.
function affected(records, links, view) {
  const shown = records.filter((record) => record.state === "first" || fitting(view)(record));
  const ids = new Set(shown.map((record) => record.id));
  return { records: shown, links: links.filter((link) => ids.has(link.from) && ids.has(link.to)), known: { records, links }, whole: true };
}

function fitting(view) {
  const shown = kindsOf(view);
  return (record) => shown.includes(record.kind) && isIn(record.sectors, view.sector) && isIn(record.areas, view.area);
}

function filtered(records, links, view) {
  const fits = fitting(view);
  const visible = records.filter((record) => view.of.includes(record.id) || fits(record));
  const ids = new Set(visible.map((record) => record.id));
  const shown = links.filter((link) => ids.has(link.from) && ids.has(link.to) && !view.hide.includes(link.link));
  const linked = new Set([...view.of, ...shown.flatMap((link) => [link.from, link.to])]);
  return { records: visible.filter((record) => linked.has(record.id)), links: shown, known: { records, links } };
}

const isIn = (terms, wanted) => !wanted || terms.some((term) => term.id === wanted);

function finished({ records, links, known, whole }, view, size) {
  const degree = degrees(links);
  const full = records.map((record) => shownRecord(record, degree.get(record.id) ?? 0, view.of.includes(record.id)));
  const scene = laidOut({ records: full, links: links.map(withPhrase), known: known ?? { records, links }, whole }, view, size);
  return full.length + links.length > most ? laidOut(clustered(scene, view), view, size) : bundled(scene, view, size);
}

const laidOut = (scene, view, size) => ({ ...scene, layout: layoutFor(scene, view, size) });

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
