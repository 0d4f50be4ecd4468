// The panel about the selected record: facts, links and actions.
import { colourOf } from "./colours.js";
import { byId, codes, day, element, kinds, links as phrases, recordPage, say, words } from "./page.js";
import { record as read } from "./queries.js";
import { glyph } from "./shapes.js";

const FEW = 12;

export class Panel {
  constructor(heard) {
    this.heard = heard;
    this.place = byId("panel");
    this.hint = byId("hint");
  }

  show(scene, view) {
    const chosen = scene.records.find((record) => record.id === view.at);
    const found = view.impact ? this.#impact(scene, view) : view.from && view.to ? this.#ways(scene, view) : [];
    const parts = chosen ? this.#record(chosen, scene, view) : found.length ? [] : [this.hint];
    this.place.replaceChildren(...parts, ...found);
  }

  #record(record, scene, view) {
    const title = element("h2", {}, record.kind ? glyph(record.kind, colourOf(record, view.colour)) : "", record.name);
    if (record.group || record.cluster) return [title, ...this.#group(record, scene, view)];
    const facts = element("div", { className: "told" });
    this.#fill(facts, record);
    const kind = element("p", { className: "sort", text: record.kindName });
    const state = record.state ? [element("p", { className: record.state, text: record.why ? `${record.stateName}: ${record.why}` : record.stateName })] : [];
    return [kind, title, ...state, facts, this.#actions(record, view), ...(scene.whole ? [] : this.#linked(record, scene))];
  }

  async #fill(place, { id, kind }) {
    try {
      place.replaceChildren(...factsOf(await read(id), kinds[kind]));
    } catch (refusal) {
      place.replaceChildren(element("p", { className: "quiet", text: words[refusal.code] ?? words.REFUSED }));
    }
  }

  #actions(record, view) {
    const { toggle, change } = this.heard;
    const act = (name, does, text = say(name)) => element("button", { type: "button", className: "plain", text, on: { click: does } });
    const expanded = view.of.includes(record.id);
    const actions = [];
    if (!expanded || view.of.length > 1) actions.push(act(expanded ? "collapse" : "expand", () => toggle(record.id)));
    if (kinds[record.kind].stops && view.impact !== record.id) actions.push(act("impact", () => change({ impact: record.id, from: "", to: "", by: "" })));
    if (view.from && view.from !== record.id && !view.to) actions.push(act("way_to", () => change({ to: record.id, impact: "" }), say("way_to", { name: this.heard.nameOf(view.from) })));
    if (!view.from || view.to) actions.push(act("way_from", () => this.heard.wayFrom(record.id)));
    const open = element("a", { href: recordPage(record), text: say("open_record") });
    return element("div", { className: "actions" }, ...actions, open);
  }

  #group(record, scene, view) {
    const ties = scene.links.filter((link) => [link.from, link.to].includes(record.id));
    const name = new Map(scene.records.map((one) => [one.id, one.name]));
    const told = record.group ? ties.map((tie) => element("li", {}, element("strong", { text: tie.from === tie.to ? say("within") : name.get(tie.from === record.id ? tie.to : tie.from) }), element("br"), tie.phrase)) : [];
    const opens = record.cluster || view.by !== "LEVEL_OF_GOVERNMENT";
    const open = element("button", { type: "button", className: "plain", text: say("open_group"), on: { click: () => this.heard.toggle(record.id) } });
    return [...(opens ? [element("div", { className: "actions" }, open)] : []), element("ul", { className: "ties" }, ...told)];
  }

  #linked(record, scene) {
    const names = new Map(scene.records.map((one) => [one.id, one]));
    const near = scene.links.filter((link) => link.from === record.id || link.to === record.id);
    if (!near.length) return [];
    const groups = new Map();
    for (const link of near) {
      const away = link.from === record.id;
      const phrase = phrases[link.link][away ? 0 : 1];
      groups.set(phrase, [...(groups.get(phrase) ?? []), names.get(away ? link.to : link.from)]);
    }
    const lists = [...groups].sort().map(([phrase, those]) => this.#list(phrase, those));
    return [element("h3", { text: say("linked_to") }), ...lists];
  }

  #list(phrase, those) {
    const rows = those.map(({ id, name }) => element("li", {}, element("button", { type: "button", className: "name", text: name, on: { click: () => this.heard.select(id) } })));
    const list = element("ul", {}, ...rows);
    return element("details", { open: those.length <= FEW }, element("summary", { text: `${phrase} (${those.length})` }), list);
  }

  #impact(scene, view) {
    const of = (state) => scene.records.filter((record) => record.state === state);
    const [lost, degraded] = [of("lost"), of("degraded")];
    const hit = lost.length + degraded.length;
    const sum = hit ? [say("impact_sum", { lost: lost.length, degraded: degraded.length })] : this.heard.withheld() ? [] : [say("impact_none")];
    const told = (those) => those.map((record) => this.#hit(record));
    const title = element("h2", { text: say("impact_of", { name: of("first")[0]?.name ?? "" }) });
    return [title, ...sum.map((text) => element("p", { text })), ...this.#withheld(), this.#back(view), element("ul", { className: "hits" }, ...told(lost), ...told(degraded))];
  }

  #hit(record) {
    const name = element("button", { type: "button", className: "name", text: record.name, on: { click: () => this.heard.select(record.id) } });
    return element("li", { className: record.state }, name, " ", element("span", { text: record.stateName }), element("p", { className: "quiet", text: record.why }));
  }

  #ways(scene, view) {
    const ways = this.heard.ways();
    const told = ways.map((way) => element("li", { text: way.text }));
    const title = element("h2", { text: say("paths_of", { from: this.heard.nameOf(view.from), to: this.heard.nameOf(view.to) }) });
    const none = this.heard.withheld() ? [] : [element("p", { text: say("paths_none") })];
    const list = told.length ? [element("ol", { className: "ways-found" }, ...told)] : none;
    return [title, this.#back(view), ...list, ...this.#withheld()];
  }

  #withheld() {
    return this.heard.withheld() ? [element("p", { className: "quiet", text: say("links_withheld") })] : [];
  }

  #back(view) {
    const does = () => this.heard.change({ impact: "", from: "", to: "", of: view.of.length ? view.of : [view.impact || view.from] });
    return element("div", { className: "actions" }, element("button", { type: "button", className: "plain", text: say("back"), on: { click: does } }));
  }
}

function factsOf(record, kind) {
  const coded = Object.entries(kind.codes).map(([name, list]) => record[name] && (codes[list][record[name]] ?? record[name]));
  const dated = kind.days.map((name) => record[name] && words[name] && say(name, { day: day(record[name]) }));
  const chips = [record.acronym, ...coded, ...dated].filter(Boolean).map((text) => element("li", { text }));
  const parts = [element("ul", { className: "chips" }, ...chips)];
  if (record.description) parts.push(element("p", { text: record.description }));
  if (record.withheld) parts.push(element("p", { className: "quiet", text: say("withheld") }));
  if (record.steward) parts.push(element("p", { className: "quiet", text: `${say("steward")}: ${record.steward.name}` }));
  return parts;
}
