// If there are too many records to read, groups the records that have the same colour. Records that the user requested stay single.
import { kinds, most, translate } from "./page.js";

export function clustered(scene, view) {
  const opened = grouped(scene, view, view.open);
  const fits = opened.records.length + opened.links.length <= most;
  return fits ? opened : grouped(scene, view, []);
}

function grouped({ records, links, known }, view, open) {
  const single = new Set([...view.of, view.at]);
  const groups = new Map();
  const place = new Map();
  for (const record of records) {
    const { id, name } = groupOf(record, view.colour);
    const apart = single.has(record.id) || open.includes(id);
    if (!apart) groups.set(id, [...(groups.get(id) ?? []), { ...record, name }]);
    place.set(record.id, apart ? record.id : id);
  }
  const clusters = [...groups].map(([id, members]) => clusterOf(id, members));
  const apart = records.filter((record) => place.get(record.id) === record.id);
  return { records: [...apart, ...clusters], links: between(links, place), known, clustered: records.length + links.length };
}

function groupOf(record, colour) {
  if (colour === "kind") return { id: `kind ${record.kind}`, name: kinds[record.kind].one };
  const [sector] = record.sectors;
  return { id: `sector ${sector?.id ?? ""}`, name: sector?.name ?? translate("no_sector") };
}

function clusterOf(id, members) {
  const [{ kind, kindName, sectors, name }] = members;
  const sum = (name) => members.reduce((whole, member) => whole + member[name], 0);
  const title = `${name} (${translate("records", { n: members.length })})`;
  return { id, kind, kindName, sectors, areas: [], name: title, weight: members.length, degree: sum("degree"), more: sum("more"), stateName: "", sectorNames: "", cluster: true };
}

function between(links, place) {
  const merged = new Map();
  for (const link of links) {
    const [from, to] = [place.get(link.from), place.get(link.to)];
    const id = `${link.link} ${from} ${to}`;
    if (from !== to) merged.set(id, { ...link, id, from, to, weight: (merged.get(id)?.weight ?? 0) + 1 });
  }
  return [...merged.values()];
}
