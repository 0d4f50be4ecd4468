// The data from the server: texts, kinds, links, codes and operations, in the language of the page.
const given = JSON.parse(document.getElementById("given").textContent);
const numbers = new Intl.NumberFormat(given.language);
const days = new Intl.DateTimeFormat(given.language, { dateStyle: "medium", timeZone: "UTC" });

export const { kinds, links, codes, operations, most, known, language, words } = given;
export const number = (value) => numbers.format(value);
export const day = (text) => days.format(new Date(`${text}T00:00:00Z`));
export const byId = (id) => document.getElementById(id);

export function say(name, values = {}) {
  return words[name].replace(/\{(\w+)\}/g, (_whole, key) => (typeof values[key] === "number" ? number(values[key]) : values[key]));
}

export function element(tag, { text, on, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) made.textContent = text;
  for (const [event, heard] of Object.entries(on ?? {})) made.addEventListener(event, heard);
  made.append(...children);
  return made;
}

export const recordPage = (record) => `/${kinds[record.kind].path}/${encodeURIComponent(record.id)}`;
