// The panel about the selected record: facts, links and actions.
import { colourOf } from "./colours.js";
import { byId, codes, day, element, kinds, links as phrases, recordPage, texts, translate } from "./page.js";
import { record as read } from "./queries.js";
import { glyph } from "./shapes.js";

const FEW = 12;

export class Panel {
  constructor(handlers) {
    this.handlers = handlers;
    this.container = byId("panel");
    this.hint = byId("hint");
  }

  show(scene, view) {
    const chosen = scene.records.find((record) => record.id === view.at);
    const found = view.impact ? this.#impact(scene, view) : view.from && view.to ? this.#paths(scene, view) : [];
    const parts = chosen ? this.#record(chosen, scene, view) : found.length ? [] : [this.hint];
    this.container.replaceChildren(...parts, ...found);
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
    const { toggle, change } = this.handlers;
    const button = (name, onClick, text = translate(name)) => element("button", { type: "button", className: "plain", text, on: { click: onClick } });
    const expanded = view.of.includes(record.id);
    const actions = [];
    if (!expanded || view.of.length > 1) actions.push(button(expanded ? "collapse" : "expand", () => toggle(record.id)));
    if (kinds[record.kind].stops && view.impact !== record.id) actions.push(button("impact", () => change({ impact: record.id, from: "", to: "", by: "" })));
    if (view.from && view.from !== record.id && !view.to) actions.push(button("path_to", () => change({ to: record.id, impact: "" }), translate("path_to", { name: this.handlers.nameOf(view.from) })));
    if (!view.from || view.to) actions.push(button("path_from", () => this.handlers.startPath(record.id)));
    const open = element("a", { href: recordPage(record), text: translate("open_record") });
    return element("div", { className: "actions" }, ...actions, open);
  }

  #group(record, scene, view) {
    const ties = scene.links.filter((link) => [link.from, link.to].includes(record.id));
    const name = new Map(scene.records.map((one) => [one.id, one.name]));
    const items = record.group ? ties.map((tie) => element("li", {}, element("strong", { text: tie.from === tie.to ? translate("within") : name.get(tie.from === record.id ? tie.to : tie.from) }), element("br"), tie.phrase)) : [];
    const opens = record.cluster || view.by !== "LEVEL_OF_GOVERNMENT";
    const open = element("button", { type: "button", className: "plain", text: translate("open_group"), on: { click: () => this.handlers.toggle(record.id) } });
    return [...(opens ? [element("div", { className: "actions" }, open)] : []), element("ul", { className: "ties" }, ...items)];
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
    const lists = [...groups].sort().map(([phrase, those]) => this.#list(phrase, those));
    return [element("h3", { text: translate("linked_to") }), ...lists];
  }

  #list(phrase, those) {
    const rows = those.map(({ id, name }) => element("li", {}, element("button", { type: "button", className: "name", text: name, on: { click: () => this.handlers.select(id) } })));
    const list = element("ul", {}, ...rows);
    return element("details", { open: those.length <= FEW }, element("summary", { text: `${phrase} (${those.length})` }), list);
  }

  #impact(scene, view) {
    const of = (state) => scene.records.filter((record) => record.state === state);
    const [lost, degraded] = [of("lost"), of("degraded")];
    const hit = lost.length + degraded.length;
    const sum = hit ? [translate("impact_sum", { lost: lost.length, degraded: degraded.length })] : this.handlers.withheld() ? [] : [translate("impact_none")];
    const items = (those) => those.map((record) => this.#hit(record));
    const title = element("h2", { text: translate("impact_of", { name: of("first")[0]?.name ?? "" }) });
    return [title, ...sum.map((text) => element("p", { text })), ...this.#withheld(), this.#back(view), element("ul", { className: "hits" }, ...items(lost), ...items(degraded))];
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
    return [title, this.#back(view), ...list, ...this.#withheld()];
  }

  #withheld() {
    return this.handlers.withheld() ? [element("p", { className: "quiet", text: translate("links_withheld") })] : [];
  }

  #back(view) {
    const onClick = () => this.handlers.change({ impact: "", from: "", to: "", of: view.of.length ? view.of : [view.impact || view.from] });
    return element("div", { className: "actions" }, element("button", { type: "button", className: "plain", text: translate("back"), on: { click: onClick } }));
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
