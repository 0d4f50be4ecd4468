// The filters of the drawing. They are also the legend that explains its shapes and colours.
import { kindColour, sectorColour } from "./colours.js";
import { byId, element, kinds, links as phrases, number, translate } from "./page.js";
import { glyph } from "./shapes.js";
import { kindsOf } from "./view.js";

export function showFilters(scene, view, change) {
  const { records, links } = scene.known;
  const panel = byId("filters");
  panel.hidden = Boolean(scene.grouped);
  const fixed = Boolean(view.from && view.to); // a path is shown whole
  for (const control of panel.querySelectorAll("select")) control.disabled = fixed;
  byId("kinds").replaceChildren(...kindChoices(records, view, change, fixed));
  byId("links").replaceChildren(...linkChoices(links, view, change, scene.whole));
  choices(byId("sector"), termsOf(records, "sectors"), view.sector);
  choices(byId("area"), termsOf(records, "areas"), view.area);
  showColours(scene, view);
}

function kindChoices(records, view, change, fixed) {
  const shown = kindsOf(view);
  const counts = counted(records.map((record) => record.kind));
  return Object.keys(kinds).filter((kind) => counts.has(kind)).map((kind) => {
    const fill = view.colour === "kind" ? kindColour(kind) : "currentColor";
    const onChange = (on) => change({ kinds: Object.keys(kinds).filter((one) => (one === kind ? on : shown.includes(one))) });
    return choice([glyph(kind, fill), kinds[kind].one], counts.get(kind), fixed || shown.includes(kind), fixed, onChange, kind);
  });
}

function linkChoices(links, view, change, whole) {
  const counts = counted(links.map((link) => link.link));
  return [...counts.keys()].sort().map((link) => {
    const onChange = (on) => change({ hide: on ? view.hide.filter((one) => one !== link) : [...view.hide, link] });
    return choice([phrases[link][0]], counts.get(link), whole || !view.hide.includes(link), whole, onChange, link);
  });
}

function choice(label, count, checked, disabled, onChange, value) {
  const box = element("input", { type: "checkbox", checked, disabled, value, on: { change: (event) => onChange(event.target.checked) } });
  return element("label", { className: "choice" }, box, element("span", {}, ...label), element("span", { className: "n", text: number(count) }));
}

function choices(select, terms, chosen) {
  const options = [...terms].sort((a, b) => a.name.localeCompare(b.name));
  select.replaceChildren(
    element("option", { value: "", text: translate("all") }),
    ...options.map(({ id, name }) => element("option", { value: id, text: name })),
  );
  if (chosen && !options.some((one) => one.id === chosen)) select.append(element("option", { value: chosen, text: chosen }));
  select.value = chosen;
}

function showColours(scene, view) {
  const place = byId("colours");
  place.hidden = view.colour !== "sector" || Boolean(scene.grouped);
  if (place.hidden) return;
  const firsts = scene.records.map((record) => record.sectors[0]);
  const terms = [...new Map(firsts.map((sector) => [sector?.id ?? "", sector])).values()];
  const named = terms.map((sector) => ({ sector, name: sector?.name ?? translate("no_sector") })).sort((a, b) => !a.sector - !b.sector || a.name.localeCompare(b.name));
  place.querySelector("ul").replaceChildren(...named.map(({ sector, name }) => element("li", {}, glyph("Service", sectorColour(sector)), name)));
}

const termsOf = (records, name) => new Map(records.flatMap((record) => record[name]).map((term) => [term.id, term])).values();

function counted(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
