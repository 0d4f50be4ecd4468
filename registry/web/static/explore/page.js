// The data from the server: texts, kinds, links, codes and operations, in the language of the page.
const given = JSON.parse(document.getElementById("given").textContent);
const numbers = new Intl.NumberFormat(given.language);
const days = new Intl.DateTimeFormat(given.language, { dateStyle: "medium", timeZone: "UTC" });

export const { kinds, links, codes, operations, most, known, language, texts } = given;
export const number = (value) => numbers.format(value);
export const day = (text) => days.format(new Date(`${text}T00:00:00Z`));
export const byId = (id) => document.getElementById(id);

export function translate(name, values = {}) {
  const forms = texts[name]; // a text with a count has a singular and a plural form
  const text = typeof forms === "string" ? forms : forms[values.n === 1 ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (_whole, key) => (typeof values[key] === "number" ? number(values[key]) : values[key]));
}

export function element(tag, { text, on, ...properties } = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) node.textContent = text;
  for (const [event, listener] of Object.entries(on ?? {})) node.addEventListener(event, listener);
  node.append(...children);
  return node;
}

export const recordPage = (record) => `/${kinds[record.kind].path}/${encodeURIComponent(record.id)}`;
