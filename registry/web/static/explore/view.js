// The view: which records are shown, and with which layout and filters. The URL stores the view, so that a link restores it.
import { kinds } from "./page.js";

const FIRST = Object.keys(kinds).filter((kind) => kinds[kind].first);
const ONE = ["from", "to", "impact", "by", "sector", "area", "on", "layout", "bundle", "at"];
const MANY = ["of", "open", "hide"];

export function viewOf(search) {
  const parameters = new URLSearchParams(search);
  const view = { kinds: parameters.has("kinds") ? listed(parameters.getAll("kinds").join(" ")) : null, colour: parameters.get("colour") === "sector" ? "sector" : "kind" };
  for (const name of ONE) view[name] = parameters.get(name) ?? "";
  for (const name of MANY) view[name] = parameters.getAll(name).filter(Boolean);
  return view;
}

export function addressOf(view) {
  const parameters = new URLSearchParams();
  for (const name of MANY) for (const value of view[name]) parameters.append(name, value);
  for (const name of ONE) if (view[name]) parameters.set(name, view[name]);
  if (view.colour !== "kind") parameters.set("colour", view.colour);
  if (view.kinds && view.kinds.join() !== usual(view).join()) parameters.set("kinds", view.kinds.join(" "));
  const text = parameters.toString().replaceAll("%3A", ":");
  return text ? `/explore?${text}` : "/explore";
}

// The kinds that the view shows. Without a choice of the user, a neighbourhood shows the main kinds, and an impact all kinds.
export const kindsOf = (view) => view.kinds ?? usual(view);
const usual = (view) => (view.impact ? Object.keys(kinds) : FIRST);

// The CSV file of an impact, with the filters of the view.
export function csvOf({ impact, on, sector, area, kinds: chosen }) {
  const given = Object.entries({ impact, on, sector, area, kinds: chosen?.join(" ") }).filter(([, value]) => value !== undefined && value !== "");
  return `/explore/impact.csv?${new URLSearchParams(given)}`;
}

export const isFiltered = (view) => Boolean(view.sector || view.area || (view.kinds && view.kinds.join() !== usual(view).join()));
export const isEmpty = (view) => !view.of.length && !view.by && !view.impact && !(view.from && view.to);

const listed = (text) => text.split(" ").filter((kind) => kind in kinds);
