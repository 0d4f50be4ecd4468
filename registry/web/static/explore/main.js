// The explorer: fetches the records of the current view, and shows them as drawing, table and panel.
import { onTheme } from "./colours.js";
import { Drawing } from "./drawing.js";
import { showFilters } from "./filters.js";
import { addKeyboardNavigation } from "./keys.js";
import { addExports } from "./export.js";
import { byId, element, links, texts, translate } from "./page.js";
import { Panel } from "./panel.js";
import * as queries from "./queries.js";
import { sceneOf } from "./scene.js";
import { Tables } from "./table.js";
import { addressOf, isEmpty, viewOf } from "./view.js";

const STEPS = ["of", "by", "impact", "from", "to", "open"]; // changes of these add an entry to the browser's history
const SINGLE = { by: "", impact: "", from: "", to: "" };

let view = viewOf("");
let wanted = view; // the view requested last; it becomes the view when its data has arrived
let results = { near: [] };
let scene = sceneOf(view, results);

const announce = (text) => (byId("status").textContent = text);
const nameOf = (id) => [...scene.records, ...scene.known.records].find((record) => record.id === id)?.name ?? id;

function showError({ code }) {
  const problem = byId("problem");
  problem.textContent = texts[code] ?? texts.REFUSED;
  if (code === "NOT_ALLOWED") problem.append(" ", element("a", { href: `/login?${new URLSearchParams({ next: addressOf(view) })}`, text: translate("sign_in") }));
  problem.hidden = false;
}

async function load(next) {
  if (next.by) return { ties: await queries.ties(next.by, next.on) };
  if (next.impact) return { found: await queries.impact(next.impact, next.on) };
  if (next.from && next.to) return { found: await queries.paths(next.from, next.to, through(next), next.on) };
  return near(next);
}

// A URL may name a record that no longer exists. The other records of the URL are still shown.
async function near({ of, on }) {
  const found = await Promise.allSettled(of.map((id) => queries.neighbourhood(id, on)));
  const failures = found.filter((one) => one.status === "rejected").map((one) => one.reason);
  const fatal = failures.find((error) => error.code !== "NOT_FOUND") ?? (failures.length === of.length && failures[0]);
  if (fatal) throw fatal;
  return { near: found.filter((one) => one.value).map((one) => one.value), failure: failures[0] };
}

const through = ({ hide }) => (hide.length ? Object.keys(links).filter((link) => !hide.includes(link)) : null);

async function change(patch, { remember = true } = {}) {
  const next = (wanted = { ...wanted, ...patch });
  byId("loading").hidden = false;
  try {
    const found = await load(next);
    if (next !== wanted) return;
    [view, results] = [found.near ? { ...next, of: found.near.map((one) => one.of) } : next, found];
    wanted = view;
  } catch (error) {
    if (next !== wanted) return;
    wanted = view;
    showError(error);
    show();
    return;
  }
  byId("problem").hidden = true;
  if (results.failure) showError(results.failure);
  const step = STEPS.some((name) => name in patch) ? "pushState" : "replaceState";
  if (remember) history[step](null, "", addressOf(view));
  show();
}

function show() {
  scene = sceneOf(view, results);
  byId("loading").hidden = true;
  stage(view);
  for (const name of ["by", "colour", "layout", "on"]) byId(name).value = view[name];
  for (const link of document.querySelectorAll("nav a[hreflang]")) link.href = inLanguage(link.hreflang);
  if (isEmpty(view)) return;
  showFilters(scene, view, change);
  tables.show(scene, view);
  panel.show(scene, view);
  drawing.show(scene, view);
  byId("canvas").setAttribute("aria-label", translate("graph", { records: counts().records }));
  announce([summary(), ...notes()].join(" "));
}

function stage(next) {
  byId("start").hidden = !isEmpty(next);
  byId("explorer").hidden = isEmpty(next);
}

const counts = () => ({
  records: translate(scene.grouped ? "groups" : "records", { n: scene.records.length }),
  links: translate("links", { n: scene.links.length }),
});
const summary = () => translate(scene.grouped ? "groups_shown" : "shown", counts());

function notes() {
  const leftOut = (results.near ?? []).reduce((sum, one) => sum + one.leftOut, 0);
  const notCurrent = (results.near ?? []).reduce((sum, one) => sum + one.notCurrent, 0);
  const notes = [];
  if (scene.clustered) notes.push(translate("clustered", { n: scene.clustered }));
  if (leftOut) notes.push(translate("left_out", { n: leftOut }));
  if (withheld()) notes.push(translate("links_withheld"));
  if (notCurrent) notes.push(translate("not_current", { n: notCurrent }));
  if (view.from && !view.to) notes.push(translate("choose_other"));
  return notes;
}

const withheld = () => [...(results.near ?? []), results.found, results.ties].some((one) => one?.withheld);

function inLanguage(language) {
  const address = new URL(addressOf(view), location);
  address.searchParams.set("lang", language);
  return address;
}

function select(id) {
  if (id === view.at) return;
  view = { ...view, at: id };
  wanted = { ...wanted, at: id };
  history.replaceState(null, "", addressOf(view));
  tables.choose(id);
  panel.show(scene, view);
  drawing.choose(id);
  drawing.reveal(id);
  if (id) announce(translate("selected", { name: nameOf(id) }));
}

async function toggle(id) {
  const record = scene.records.find((one) => one.id === id);
  if (!record) return;
  if (record.cluster) return change({ open: [...view.open, id] });
  if (record.group) return view.by === "LEVEL_OF_GOVERNMENT" ? undefined : change({ ...SINGLE, of: [id], at: id });
  const expanded = view.of.includes(id);
  if (expanded && view.of.length === 1 && !scene.whole) return;
  const before = scene.records.length;
  await change({ ...SINGLE, of: expanded && !scene.whole ? view.of.filter((one) => one !== id) : [...new Set([...view.of, id])], at: id });
  if (view.of.includes(id) !== expanded) announce(expanded ? translate("collapsed", { name: nameOf(id) }) : translate("expanded", { name: nameOf(id), n: scene.records.length - before }));
}

const open = (id) => change({ ...SINGLE, from: view.to ? "" : view.from, of: view.by ? [id] : [...new Set([...view.of, id])], at: id });
const clear = () => select("");
const handlers = { select, toggle, clear, change, nameOf, paths: () => results.found?.paths ?? [], withheld, startPath: (id) => change({ ...SINGLE, from: id }) };

const drawing = new Drawing(byId("canvas"), handlers);
const tables = new Tables(handlers);
const panel = new Panel(handlers);
addKeyboardNavigation(byId("canvas"), { ...handlers, beside: (by) => tables.beside(view.at, by), chosen: () => view.at, drawing });
addExports({ scene: () => scene, drawing, announce });

for (const name of ["colour", "layout", "on", "sector", "area"]) byId(name).addEventListener("change", (event) => change({ [name]: event.target.value }));
byId("q").addEventListener("choose", (event) => {
  event.preventDefault();
  open(event.detail);
});
byId("by").addEventListener("change", ({ target }) => change({ ...SINGLE, by: target.value, at: "" }));
byId("closer").addEventListener("click", () => drawing.zoom(1.3));
byId("farther").addEventListener("click", () => drawing.zoom(1 / 1.3));
byId("fit").addEventListener("click", () => drawing.fit());
onTheme(() => show(drawing.restyle()));
addEventListener("popstate", () => change(viewOf(location.search), { remember: false }));

for (const plain of document.querySelectorAll("[data-plain]")) plain.remove();
for (const scripted of document.querySelectorAll("[data-scripted]")) scripted.hidden = false;
if (matchMedia("(max-width: 60rem)").matches) byId("filters").open = false;
stage(viewOf(location.search));
change(viewOf(location.search), { remember: false });
