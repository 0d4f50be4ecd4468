// The explorer: fetches the records of the current view, and shows them as drawing, table and panel.
import { onTheme } from "./colours.js";
import { Drawing } from "./drawing.js";
import { showFilters } from "./filters.js";
import { addKeyboardNavigation } from "./keys.js";
import { addExports } from "./export.js";
import { byId, element, kinds, links, recordPage, texts, translate } from "./page.js";
import { Panel } from "./panel.js";
import * as queries from "./queries.js";
import { sceneOf } from "./scene.js";
import { Tables } from "./table.js";
import { addressOf, isEmpty, viewOf } from "./view.js";

const STEPS = ["of", "by", "impact", "from", "to", "open"]; // changes of these add an entry to the browser's history
const UNFILTERED = { kinds: null, sector: "", area: "", hide: [] };
const SINGLE = { by: "", impact: "", from: "", to: "" };

let view = viewOf("");
let wanted = view; // the view requested last; it becomes the view when its data has arrived
let results = { near: [] };
let scene = sceneOf(view, results);
let size = "";

const announce = (text) => (byId("status").textContent = text);
const whole = () => scene.single ?? scene; // with the single records of each bundle
const nameOf = (id) => [...scene.records, ...scene.known.records].find((record) => record.id === id)?.name ?? id;

function showError({ code }) {
  const problem = byId("problem");
  problem.textContent = texts[code] ?? texts.REFUSED;
  if (code === "NOT_ALLOWED") problem.append(" ", element("a", { href: `/login?${new URLSearchParams({ next: addressOf(view) })}`, text: translate("sign_in") }));
  problem.hidden = false;
}

async function load(next) {
  if (next.by) return { ties: await queries.ties(next.by, next.on) };
  if (next.impact) return { found: await queries.impact(next.impact, next.on, next) };
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
  byId("loading").hidden = true;
  stage(view);
  scene = sceneOf(view, results, drawing.size());
  size = Object.values(drawing.size()).join();
  for (const name of ["by", "colour", "layout", "bundle", "on"]) byId(name).value = view[name];
  for (const link of document.querySelectorAll("nav a[hreflang]")) link.href = inLanguage(link.hreflang);
  if (isEmpty(view)) return;
  showFilters(scene, view, change);
  tables.show(scene, view);
  panel.show(scene, view);
  drawing.show(scene, view);
  byId("canvas").setAttribute("aria-label", translate("graph", { records: counts().records }));
  showEmpty();
  announce([summary(), ...notes()].join(" "));
}

const resized = () => !isEmpty(view) && size && size !== Object.values(drawing.size()).join() && show();

// If the view shows no link, say above the drawing why, and what the user can do.
function showEmpty() {
  const [text, ...steps] = emptyState() ?? [];
  byId("empty").hidden = !text;
  byId("empty").replaceChildren(text ?? "", ...steps.flatMap((step) => [" ", step]));
}

function emptyState() {
  const { records, known } = whole();
  if (records.length > Math.max(1, view.impact ? 0 : view.of.length)) return null;
  if (view.by) return [translate("groups_none"), element("a", { href: "/explore", text: translate("start_again") })];
  if (view.from && view.to) return null;
  if (known.records.length > records.length) return [translate("filtered_out"), step("clear_filters", { ...UNFILTERED, kinds: Object.keys(kinds) })];
  const [only] = records;
  if (!only) return null;
  const open = element("a", { href: recordPage(only), text: translate("open_record") });
  if (only.hidden || withheld()) return [translate("links_hidden"), open];
  if (view.impact) return [translate("impact_none"), step("back", { impact: "", of: [view.impact], ...UNFILTERED })];
  const ended = results.near.reduce((sum, one) => sum + one.notCurrent, 0);
  return ended ? [translate("links_ended", { n: ended }), open] : [translate("links_none"), open];
}

const step = (name, patch) => element("button", { type: "button", className: "plain", text: translate(name), on: { click: () => change(patch) } });

function stage(next) {
  byId("start").hidden = !isEmpty(next);
  byId("explorer").hidden = isEmpty(next);
}

const counts = () => ({
  records: translate(scene.grouped ? "groups" : "records", { n: whole().records.length }),
  links: translate("links", { n: whole().links.length }),
});
const summary = () => translate(scene.grouped ? "groups_shown" : "shown", counts());

function notes() {
  const leftOut = (results.near ?? []).reduce((sum, one) => sum + one.leftOut, 0);
  const notCurrent = (results.near ?? []).reduce((sum, one) => sum + one.notCurrent, 0);
  const notes = [];
  if (scene.clustered) notes.push(translate("clustered", { n: scene.clustered }));
  else if (scene.single) notes.push(translate("bundled", { n: scene.records.reduce((sum, { members }) => sum + (members?.length ?? 0), 0) }));
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
  const bundled = id && !scene.records.some((record) => record.id === id);
  if (bundled) show(); // the bundle of a selected record is open
  tables.choose(id);
  panel.show(scene, view);
  drawing.choose(id);
  drawing.reveal(id);
  if (id) announce(translate("selected", { name: nameOf(id) }));
}

async function toggle(id) {
  const record = scene.records.find((one) => one.id === id);
  if (!record) return;
  if (record.cluster) return change({ open: [...view.open, id], at: "" });
  if (record.group) return view.by === "LEVEL_OF_GOVERNMENT" ? undefined : change({ ...SINGLE, of: [id], at: id });
  const expanded = view.of.includes(id);
  if (expanded && view.of.length === 1 && !scene.whole) return;
  const before = whole().records.length;
  await change({ ...SINGLE, ...(view.impact ? UNFILTERED : {}), of: expanded && !scene.whole ? view.of.filter((one) => one !== id) : [...new Set([...view.of, id])], at: id });
  if (view.of.includes(id) !== expanded) announce(expanded ? translate("collapsed", { name: nameOf(id) }) : translate("expanded", { name: nameOf(id), n: whole().records.length - before }));
}

const open = (id) => change({ ...SINGLE, from: view.to ? "" : view.from, of: view.by ? [id] : [...new Set([...view.of, id])], at: id });
const clear = () => select("");
const close = (id) => change({ open: view.open.filter((one) => one !== id), at: "" });
const impact = (id) => change({ ...SINGLE, ...UNFILTERED, impact: id, open: [] });
const back = () => change({ ...SINGLE, ...(view.impact ? UNFILTERED : {}), open: [], of: view.of.length ? view.of : [view.impact || view.from] });
const handlers = { select, toggle, clear, close, impact, back, change, resized, nameOf, paths: () => results.found?.paths ?? [], affected: () => results.found, withheld, startPath: (id) => change({ ...SINGLE, from: id }) };

const drawing = new Drawing(byId("canvas"), handlers);
const tables = new Tables(handlers);
const panel = new Panel(handlers);
addKeyboardNavigation(byId("canvas"), { ...handlers, beside: (by) => tables.beside(view.at, by), chosen: () => view.at, drawing });
addExports({ scene: whole, drawing, announce });

for (const name of ["colour", "layout", "bundle", "on", "sector", "area"]) byId(name).addEventListener("change", (event) => change({ [name]: event.target.value }));
byId("q").addEventListener("choose", (event) => {
  event.preventDefault();
  open(event.detail);
});
byId("by").addEventListener("change", ({ target }) => change({ ...SINGLE, by: target.value, at: "" }));
byId("closer").addEventListener("click", () => drawing.zoom(1.3));
byId("farther").addEventListener("click", () => drawing.zoom(1 / 1.3));
byId("fit").addEventListener("click", () => drawing.fit());
byId("fit-text").addEventListener("click", () => drawing.fitText());
onTheme(() => show(drawing.restyle()));
addEventListener("popstate", () => change(viewOf(location.search), { remember: false }));

for (const plain of document.querySelectorAll("[data-plain]")) plain.remove();
for (const scripted of document.querySelectorAll("[data-scripted]")) scripted.hidden = false;
if (matchMedia("(max-width: 60rem)").matches) byId("filters").open = false;
stage(viewOf(location.search));
change(viewOf(location.search), { remember: false });
