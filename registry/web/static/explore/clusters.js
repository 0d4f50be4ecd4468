// Bundles records, so that the labels of the drawing are readable. Records that the user requested stay single.
import { kinds, links as phrases, most, translate } from "./page.js";
import { capacity } from "./layouts.js";

const LEAST = 3; // fewer records are not bundled: a bundle would save no row worth reading

// Bundle the records of a scene with more elements than can be drawn.
export function clustered(scene, view) {
  const group = view.colour === "kind" ? byKind : bySector;
  const groups = groupsOf(scene, [...view.of, view.at], group);
  const opened = bundledBy(scene, groups, view.open);
  const fits = opened.records.length + opened.links.length <= most;
  return { ...(fits ? opened : bundledBy(scene, groups, [])), clustered: scene.records.length + scene.links.length };
}

// Bundle the records of a scene by their role or sector. Unless the user selected this, bundle only as much as the labels need room.
export function bundled(scene, view, size) {
  const role = roles(scene, view);
  const records = scene.records.map((record) => ({ ...record, ...withRole(view.of.includes(record.id) ? null : role(record)) }));
  const named = { ...scene, records };
  if (view.bundle === "none" || !["around", "layers"].includes(scene.layout)) return named;
  const groups = view.bundle ? groupsOf(named, view.of, view.bundle === "sector" ? bySector : role) : severalGroups(named, view, role);
  const open = [...view.open, ...groups.filter(({ members }) => members.some(({ id }) => id === view.at)).map(({ id }) => id)];
  return bundledBy(named, view.bundle ? groups : largest(groups, named, view, open, size), open);
}

const withRole = (group) => ({ role: group?.name ?? "", roleId: group?.id ?? "" });

// Records that all have the same role are bundled by sector. If they also have the same sector, they are not bundled.
function severalGroups(scene, view, role) {
  const found = [role, bySector].map((groupOf) => groupsOf(scene, view.of, groupOf));
  return found.find((groups) => groups.length > 1) ?? [];
}

function largest(groups, scene, view, open, size) {
  const centres = Math.max(1, view.of.length);
  let rows = scene.records.length - (scene.layout === "around" ? centres : 0);
  const chosen = [];
  for (const group of [...groups].sort((a, b) => b.members.length - a.members.length)) {
    if (rows <= capacity(scene.layout, centres, size)) break;
    if (open.includes(group.id) || group.members.length < LEAST) continue;
    chosen.push(group);
    rows -= group.members.length - 1;
  }
  return chosen;
}

// Return the groups of the records, except of those in `apart`. Each group has id, name and members.
function groupsOf({ records }, apart, groupOf) {
  const groups = new Map();
  for (const record of records) {
    const group = apart.includes(record.id) || record.state === "first" ? null : groupOf(record);
    if (group) groups.set(group.id, { ...group, members: [...(groups.get(group.id)?.members ?? []), record] });
  }
  return [...groups.values()].filter(({ members }) => members.length > 1);
}

const byKind = ({ kind }) => ({ id: `kind ${kind}`, name: kinds[kind].one });

function bySector({ sectors: [sector] }) {
  return { id: `sector ${sector?.id ?? ""}`, name: sector?.name ?? translate("no_sector") };
}

// The role of a record: how it is linked to the central record, or how an impact affects it. A record with links to several
// central records has no single role.
export function roles(scene, view) {
  if (view.impact) return ({ state, kind, stateName }) => ({ id: `${state} ${kind}`, name: `${kinds[kind].one}: ${stateName}` });
  if (scene.whole) return () => null;
  const names = new Map(scene.records.map((record) => [record.id, record.name]));
  const found = new Map();
  for (const { link, from, to } of scene.links) {
    for (const [centre, id, forward] of [[from, to, true], [to, from, false]]) {
      if (view.of.includes(centre) && !view.of.includes(id)) found.set(id, [...(found.get(id) ?? []), { centre, link, forward }]);
    }
  }
  const mixed = mixedRoles(scene.records, found);
  return ({ id, kind }) => {
    const [role] = found.get(id) ?? [];
    if (!role || found.get(id).some(({ centre }) => centre !== role.centre)) return null;
    const phrase = phrases[role.link][role.forward ? 0 : 1];
    const name = mixed.has(keyOf(role)) ? `${phrase}: ${kinds[kind].one}` : phrase;
    return { id: `role ${keyOf(role)} ${kind}`, name: view.of.length > 1 ? `${name} – ${names.get(role.centre)}` : name };
  };
}

const keyOf = ({ centre, link, forward }) => `${centre} ${link} ${forward}`;

// Return the roles that records of several kinds have.
function mixedRoles(records, found) {
  const kindsBy = new Map();
  for (const { id, kind } of records) {
    const [role] = found.get(id) ?? [];
    if (role) kindsBy.set(keyOf(role), new Set([...(kindsBy.get(keyOf(role)) ?? []), kind]));
  }
  return new Set([...kindsBy].filter(([, those]) => those.size > 1).map(([key]) => key));
}

function bundledBy(scene, groups, open) {
  const closed = groups.filter(({ id }) => !open.includes(id));
  if (!closed.length) return scene;
  const place = new Map(closed.flatMap(({ id, members }) => members.map((member) => [member.id, id])));
  const single = scene.records.filter((record) => !place.has(record.id));
  return { ...scene, records: [...single, ...closed.map(clusterOf)], links: between(scene.links, place), single: scene };
}

function clusterOf({ id, name, members }) {
  const [{ kind, kindName, sectors, state, stateName }] = members;
  const sum = (one) => members.reduce((whole, member) => whole + member[one], 0);
  const title = `${name} (${translate("records", { n: members.length })})`;
  const steps = Math.min(...members.map((member) => member.steps ?? 0));
  return { id, kind, kindName, sectors, areas: [], name: title, role: name, roleId: id, weight: members.length, degree: sum("degree"), more: sum("more"), state, stateName: stateName ?? "", sectorNames: "", steps, cluster: true, members };
}

function between(links, place) {
  const merged = new Map();
  for (const link of links) {
    const [from, to] = [link.from, link.to].map((end) => place.get(end) ?? end);
    const id = `${link.link} ${from} ${to}`;
    if (from === to) continue;
    const moved = from !== link.from || to !== link.to;
    merged.set(id, { ...link, id, from, to, ...(moved && { weight: (merged.get(id)?.weight ?? 0) + 1 }) });
  }
  return [...merged.values()];
}
