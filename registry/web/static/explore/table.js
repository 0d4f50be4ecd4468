// Shows the records and links of the scene as sortable tables. A click on a row selects its record; arrow keys move between rows.
import { colourOf } from "./colours.js";
import { byId, element, number, translate } from "./page.js";
import { glyph } from "./shapes.js";

const OPTIONAL = ["kindName", "sectorNames", "stateName", "more"];
const compare = new Intl.Collator(document.documentElement.lang, { numeric: true }).compare;

class Sorted {
  constructor(table, first, row) {
    this.table = table;
    this.body = table.tBodies[0];
    this.heads = [...table.tHead.rows[0].cells];
    this.by = first;
    this.down = false;
    this.row = row;
    this.rows = [];
    for (const head of this.heads) head.firstElementChild.addEventListener("click", () => this.#sort(head.dataset.by));
  }

  show(rows) {
    this.rows = rows;
    const hidden = OPTIONAL.filter((name) => rows.every((row) => !row[name] && !(name === "more" && row.hidden)));
    for (const head of this.heads) {
      head.hidden = hidden.includes(head.dataset.by);
      if (head.dataset.by === this.by) head.setAttribute("aria-sort", this.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.shown = [...rows].sort((a, b) => (this.down ? -1 : 1) * order(a[this.by], b[this.by]) || compare(a.name ?? "", b.name ?? ""));
    this.body.replaceChildren(...this.shown.map((one) => this.row(one, (name) => !hidden.includes(name))));
  }

  #sort(by) {
    this.down = by === this.by ? !this.down : ["degree", "more"].includes(by);
    this.by = by;
    this.show(this.rows);
    this.onSort?.();
  }
}

const order = (a, b) => (typeof a === "number" ? a - b : compare(a ?? "", b ?? ""));

export class Tables {
  constructor({ select, toggle, clear }) {
    this.handlers = { select, toggle, clear };
    this.records = new Sorted(byId("records"), "name", (record, has) => this.#record(record, has));
    this.links = new Sorted(byId("link-rows"), "fromName", (link) => this.#link(link));
    this.records.onSort = () => this.choose(this.view.at);
    this.records.body.addEventListener("keydown", (event) => this.#key(event));
    this.records.body.addEventListener("dblclick", (event) => toggle(event.target.closest("tr").dataset.id));
    byId("link-table").addEventListener("toggle", () => this.#showLinks());
  }

  show(scene, view) {
    this.scene = scene;
    this.view = view;
    this.records.show(scene.records);
    this.choose(view.at);
    this.#showLinks();
  }

  choose(id) {
    const rows = [...this.records.body.rows];
    for (const row of rows) {
      const chosen = row.dataset.id === id;
      row.classList.toggle("chosen", chosen);
      nameOf(row).setAttribute("aria-pressed", chosen);
      nameOf(row).tabIndex = -1;
    }
    const entry = rows.find((row) => row.dataset.id === id) ?? rows[0];
    if (entry) nameOf(entry).tabIndex = 0;
  }

  // Return the id of the record that is `by` rows below another record in the table.
  beside(id, by) {
    const { shown } = this.records;
    const here = shown.findIndex((record) => record.id === id);
    return shown[Math.max(0, Math.min(shown.length - 1, here + by))]?.id ?? "";
  }

  #showLinks() {
    if (!byId("link-table").open || !this.scene) return this.links.show([]);
    const names = new Map(this.scene.records.map((record) => [record.id, record.name]));
    this.links.show(this.scene.links.map((link) => ({ ...link, fromName: names.get(link.from), toName: names.get(link.to) })));
  }

  #record(record, has) {
    const { select, toggle } = this.handlers;
    const name = element("button", { type: "button", className: "name", text: record.name, on: { click: () => select(record.id) } });
    const more = record.more
      ? element("button", { type: "button", className: "plain small", tabIndex: -1, text: `+${number(record.more)}`, ariaLabel: `${translate("expand")} ${record.name}: ${translate("more", { n: record.more })}`, on: { click: () => toggle(record.id) } })
      : record.hidden
        ? element("span", { className: "quiet", text: translate("hidden") })
        : "";
    const cells = [
      element("td", {}, record.kind ? glyph(record.kind, colourOf(record, this.view.colour)) : "", name),
      has("kindName") && element("td", { className: "kind", text: record.kindName }),
      has("sectorNames") && element("td", { text: record.sectorNames }),
      element("td", { className: "integer", text: number(record.degree) }),
      has("more") && element("td", { className: "integer" }, more),
      has("stateName") && element("td", { className: record.state ?? "", text: record.stateName, title: record.why ?? "" }),
    ];
    const row = element("tr", {}, ...cells.filter(Boolean));
    row.dataset.id = record.id;
    return row;
  }

  #link({ from, to, fromName, phrase, toName }) {
    const end = (id, text) => element("td", {}, element("button", { type: "button", className: "name", text, on: { click: () => this.handlers.select(id) } }));
    return element("tr", {}, end(from, fromName), element("td", { text: phrase }), end(to, toName));
  }

  #key(event) {
    const { select, toggle, clear } = this.handlers;
    const id = event.target.closest("tr").dataset.id;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
    if (steps) this.#walk(this.beside(id, steps));
    else if (event.key === "Enter" && event.target.matches(".name")) toggle(id);
    else if (event.key === "Escape") clear();
    else return;
    event.preventDefault();
  }

  #walk(id) {
    this.handlers.select(id);
    this.focus(id);
  }

  focus(id) {
    const row = [...this.records.body.rows].find((one) => one.dataset.id === id);
    if (row) nameOf(row).focus();
  }
}

const nameOf = (row) => row.querySelector(".name");
