// Suggestions as one types: the combobox of the ARIA Authoring Practices.
import { byId, element, say } from "./page.js";
import { search } from "./questions.js";

const PAUSE = 180;

export function suggest({ choose, tell, complain }) {
  const input = byId("q");
  const list = byId("suggestions");
  let waiting;
  let active = -1;

  const options = () => [...list.children];
  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const move = (to) => {
    active = (to + list.children.length) % list.children.length;
    options().forEach((option, i) => option.setAttribute("aria-selected", i === active));
    input.setAttribute("aria-activedescendant", list.children[active].id);
  };
  const take = (record) => {
    close();
    input.value = "";
    choose(record);
  };
  const show = (found) => {
    list.replaceChildren(...found.map((record, i) => optionOf(record, i, take)));
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(found.length > 0));
    tell(found.length ? say("found", { n: found.length }) : say("none_found"));
    active = -1;
  };
  const look = async () => {
    const text = input.value.trim();
    if (!text) return close();
    try {
      const found = await search(text);
      if (text === input.value.trim()) show(found);
    } catch (refusal) {
      complain(refusal);
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, PAUSE);
  });
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown") move(active + 1);
    else if (event.key === "ArrowUp") move(active < 0 ? -1 : active - 1);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && active >= 0) list.children[active].click();
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", () => setTimeout(close, 150));
}

function optionOf(record, i, take) {
  const option = element("li", { id: `suggestion-${i}`, on: { mousedown: (event) => event.preventDefault(), click: () => take(record) } });
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  option.append(record.name, element("span", { className: "quiet", text: record.kindName }));
  return option;
}
