// The panel about the selected record: facts, links and actions.
import { colourOf } from "./colours.js";
import { byId, codes, day, element, kinds, links as phrases, number, recordPage, texts, translate } from "./page.js";
import { record as read } from "./queries.js";
import { glyph } from "./shapes.js";
import { csvOf, isFiltered } from "./view.js";

const FEW = 12;
const compare = new Intl.Collator(document.documentElement.lang).compare;

export class Panel {
  constructor(handlers) {
    this.handlers = handlers;
    this.container = byId("panel");
    this.hint = byId("hint");
  }

  show(scene, view) {
    const chosen = scene.records.find((record) => record.id === view.at);
    const found = view.impact ? this.#impact(scene, view) : view.from && view.to ? this.#paths(scene, view) : [];
    const parts = chosen ? this.#record(chosen, scene, view) : found.length ? [] : [this.hint, ...this.#list(scene, view)];
    this.container.replaceChildren(...parts, ...found);
  }

  // List what the drawing shows. A bundle of the drawing is a closed part of the list; opening one opens the other.
  #list(scene, view) {
    const title = element("h2", { text: translate("listed") });
    if (scene.grouped) return [title, this.#names(scene.records)];
    const centres = (scene.single ?? scene).records.filter((record) => view.of.includes(record.id));
    return [title, this.#names(centres), ...this.#parts(scene, view, view.of, (those) => this.#names(those))];
  }

  // Return a part of the list for each role. `apart` has the ids of records that no part has.
  #parts(scene, view, apart, list) {
    const parts = new Map();
    for (const record of (scene.single ?? scene).records) {
      if (!apart.includes(record.id)) parts.set(record.roleId, [...(parts.get(record.roleId) ?? []), record]);
    }
    const closed = new Set(scene.records.filter((record) => record.cluster).map((record) => record.id));
    const later = ({ state }) => state === "degraded"; // what stops comes before what works less well
    const sorted = [...parts].sort(([, [a]], [, [b]]) => later(a) - later(b) || compare(a.role, b.role));
    return sorted.map(([id, those]) => this.#part(id, those, { closed: closed.has(id), opened: view.open.includes(id) }, list(those)));
  }

  #part(id, those, { closed, opened }, list) {
    const summary = element("summary", { text: `${those[0].role || translate("several_roles")} (${number(those.length)})` });
    const part = element("details", { open: !closed }, summary, list);
    part.dataset.part = id;
    if (closed || opened) summary.addEventListener("click", (event) => this.#turn(event, id, closed));
    return part;
  }

  async #turn(event, id, closed) {
    event.preventDefault();
    await (closed ? this.handlers.toggle(id) : this.handlers.close(id));
    [...this.container.querySelectorAll("[data-part]")].find((part) => part.dataset.part === id)?.firstElementChild.focus();
  }

  #names(those) {
    const sorted = [...those].sort((a, b) => compare(a.name, b.name));
    return element("ul", {}, ...sorted.map(({ id, name }) => element("li", {}, element("button", { type: "button", className: "name", text: name, on: { click: () => this.handlers.select(id) } }))));
  }

  #record(record, scene, view) {
    const title = element("h2", {}, record.kind ? glyph(record.kind, colourOf(record, view.colour)) : "", record.name);
    if (record.group || record.cluster) return [title, ...this.#group(record, scene, view)];
    const facts = element("div", { className: "details" });
    this.#fill(facts, record);
    const kind = element("p", { className: "sort", text: record.kindName });
    const state = record.state ? [element("p", { className: record.state, text: record.why ? `${record.stateName}: ${record.why}` : record.stateName })] : [];
    return [kind, title, ...state, facts, this.#actions(record, view), ...(scene.whole ? [] : this.#linked(record, scene))];
  }

  async #fill(container, { id, kind }) {
    try {
      container.replaceChildren(...factsOf(await read(id), kinds[kind]));
    } catch (error) {
      container.replaceChildren(element("p", { className: "quiet", text: texts[error.code] ?? texts.REFUSED }));
    }
  }

  #actions(record, view) {
    const { toggle, change, clear, impact } = this.handlers;
    const button = (name, onClick, text = translate(name)) => element("button", { type: "button", className: "plain", text, on: { click: onClick } });
    const expanded = view.of.includes(record.id);
    const actions = [];
    if (!expanded || view.of.length > 1) actions.push(button(expanded ? "collapse" : "expand", () => toggle(record.id)));
    if (kinds[record.kind].stops && view.impact !== record.id) actions.push(button("impact", () => impact(record.id)));
    if (view.from && view.from !== record.id && !view.to) actions.push(button("path_to", () => change({ to: record.id, impact: "" }), translate("path_to", { name: this.handlers.nameOf(view.from) })));
    if (!view.from || view.to) actions.push(button("path_from", () => this.handlers.startPath(record.id)));
    if (!view.impact && !(view.from && view.to)) actions.push(button("to_list", clear));
    const open = element("a", { href: recordPage(record), text: translate("open_record") });
    return element("div", { className: "actions" }, ...actions, open);
  }

  #group(record, scene, view) {
    const ties = scene.links.filter((link) => [link.from, link.to].includes(record.id));
    const name = new Map(scene.records.map((one) => [one.id, one.name]));
    const items = record.group ? ties.map((tie) => element("li", {}, element("strong", { text: tie.from === tie.to ? translate("within") : name.get(tie.from === record.id ? tie.to : tie.from) }), element("br"), tie.phrase)) : [];
    const opens = record.cluster || view.by !== "LEVEL_OF_GOVERNMENT";
    const open = element("button", { type: "button", className: "plain", text: translate("open_group"), on: { click: () => this.handlers.toggle(record.id) } });
    const members = record.members ? [this.#names(record.members)] : [];
    return [...(opens ? [element("div", { className: "actions" }, open)] : []), ...members, element("ul", { className: "ties" }, ...items)];
  }

  #linked(record, scene) {
    const names = new Map(scene.records.map((one) => [one.id, one]));
    const near = scene.links.filter((link) => link.from === record.id || link.to === record.id);
    if (!near.length) return [];
    const groups = new Map();
    for (const link of near) {
      const forward = link.from === record.id;
      const phrase = phrases[link.link][forward ? 0 : 1];
      groups.set(phrase, [...(groups.get(phrase) ?? []), names.get(forward ? link.to : link.from)]);
    }
    const lists = [...groups].sort().map(([phrase, those]) => this.#linksBy(phrase, those));
    return [element("h3", { text: translate("linked_to") }), ...lists];
  }

  #linksBy(phrase, those) {
    return element("details", { open: those.length <= FEW }, element("summary", { text: `${phrase} (${number(those.length)})` }), this.#names(those));
  }

  #impact(scene, view) {
    const { records } = scene.single ?? scene;
    const { totals, matching, unplaced, cut } = this.handlers.affected();
    const of = (state, those = scene.known.records) => those.filter((record) => record.state === state);
    const hits = [...of("lost"), ...of("degraded")];
    const works = (state) => totals.filter(({ kind }) => kind === "Service" || kind === "Resource").reduce((sum, one) => sum + one[state], 0);
    const all = totals.reduce((sum, one) => sum + one.lost + one.degraded, 0);
    const sum = hits.length ? [translate("impact_sum", { lost: works("lost"), degraded: works("degraded") })] : this.handlers.withheld() ? [] : [translate("impact_none")];
    const shown = records.length - 1;
    const left = all > hits.length && (view.sector || view.area) ? unplaced : this.#unplaced(view, hits);
    const notes = [
      isFiltered(view) && translate("impact_filtered", { shown: all > hits.length ? matching : shown, all }),
      isFiltered(view) && left && translate("impact_unplaced", { n: left }),
      cut && translate("impact_cut", { n: shown }),
    ].filter(Boolean);
    const title = element("h2", { text: translate("impact_of", { name: of("first")[0]?.name ?? "" }) });
    const file = element("a", { href: csvOf(view), text: translate("impact_csv") });
    const first = of("first").map((record) => record.id);
    const listed = this.#parts(scene, view, first, (those) => element("ul", { className: "hits" }, ...those.map((record) => this.#hit(record))));
    return [title, ...[...sum, ...notes].map((text) => element("p", { text })), ...this.#withheld(), this.#back(file), ...listed];
  }

  // Affected records whose sectors or areas are not recorded, or not visible to the user, match no such filter.
  #unplaced(view, hits) {
    const names = [view.sector && "sectors", view.area && "areas"].filter(Boolean);
    return hits.filter((record) => record.kind !== "Area" && names.some((name) => !record[name].length)).length;
  }

  #hit(record) {
    const name = element("button", { type: "button", className: "name", text: record.name, on: { click: () => this.handlers.select(record.id) } });
    return element("li", { className: record.state }, name, " ", element("span", { text: record.stateName }), element("p", { className: "quiet", text: record.why }));
  }

  #paths(scene, view) {
    const paths = this.handlers.paths();
    const items = paths.map((path) => element("li", { text: path.text }));
    const title = element("h2", { text: translate("paths_of", { from: this.handlers.nameOf(view.from), to: this.handlers.nameOf(view.to) }) });
    const none = this.handlers.withheld() ? [] : [element("p", { text: translate("paths_none") })];
    const list = items.length ? [element("ol", { className: "paths" }, ...items)] : none;
    return [title, this.#back(), ...list, ...this.#withheld()];
  }

  #withheld() {
    return this.handlers.withheld() ? [element("p", { className: "quiet", text: translate("links_withheld") })] : [];
  }

  #back(...more) {
    return element("div", { className: "actions" }, element("button", { type: "button", className: "plain", text: translate("back"), on: { click: this.handlers.back } }), ...more);
  }
}

function factsOf(record, kind) {
  const coded = Object.entries(kind.codes).map(([name, list]) => record[name] && (codes[list][record[name]] ?? record[name]));
  const dated = kind.days.map((name) => record[name] && texts[name] && translate(name, { day: day(record[name]) }));
  const chips = [record.acronym, ...coded, ...dated].filter(Boolean).map((text) => element("li", { text }));
  const parts = [element("ul", { className: "chips" }, ...chips)];
  if (record.description) parts.push(element("p", { text: record.description }));
  if (record.withheld) parts.push(element("p", { className: "quiet", text: translate("withheld") }));
  if (record.steward) parts.push(element("p", { className: "quiet", text: `${translate("steward")}: ${record.steward.name}` }));
  return parts;
}
