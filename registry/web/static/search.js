// Search suggestions, after the combobox pattern of the ARIA Authoring Practices. The form works without this script.
// If the user chooses a suggestion, its record opens. A page that needs another effect cancels the `choose` event.
const WAIT = 150;
const LEAST = 2;

class Suggestions {
  constructor(input) {
    this.input = input;
    this.list = this.place("ul", "suggestions", "listbox");
    this.list.className = "suggestions";
    this.status = this.place("p", "suggested", "status");
    this.status.className = "aside";
    this.list.hidden = true;
    this.list.setAttribute("aria-label", input.labels[0].textContent);
    for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": this.list.id, "aria-autocomplete": "list" })) {
      input.setAttribute(name, value);
    }
    input.addEventListener("input", () => this.later());
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => this.close());
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.go(event.target.closest("[role=option]")));
  }

  place(tag, id, role) {
    const made = document.createElement(tag);
    made.id = this.called(id);
    made.setAttribute("role", role);
    this.input.parentElement.append(made);
    return made;
  }

  called(id) {
    return this.input.id === "q" ? id : `${this.input.id}-${id}`;
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT);
  }

  async ask() {
    this.request?.abort();
    const text = this.input.value.trim();
    if (text.length < LEAST) return this.close();
    this.request = new AbortController();
    try {
      const answer = await fetch(`/search.json?${new URLSearchParams({ q: text, kind: this.input.dataset.kind ?? "" })}`, { signal: this.request.signal });
      if (answer.ok) this.show((await answer.json()).suggestions);
    } catch (error) {
      if (error.name !== "AbortError") this.close();
    }
  }

  show(suggestions) {
    if (document.activeElement !== this.input) return;
    this.list.replaceChildren(...suggestions.map((one, place) => this.option(one, place)));
    this.choose(null);
    this.open(suggestions.length > 0);
    const { nothing, suggestion: one, suggestions: several } = this.input.dataset;
    this.status.textContent = suggestions.length ? (suggestions.length === 1 ? one : several).replace("{n}", suggestions.length) : nothing;
  }

  option(one, place) {
    const made = document.createElement("li");
    made.id = this.called(`suggestion-${place}`);
    Object.assign(made.dataset, { id: one.id, path: one.path, text: `${one.name} (${one.id})` });
    made.setAttribute("role", "option");
    made.setAttribute("aria-selected", "false");
    const name = document.createElement("span");
    const kind = document.createElement("span");
    name.textContent = one.name;
    kind.textContent = one.label;
    kind.className = "kind";
    made.append(name, " ", kind);
    return made;
  }

  key(event) {
    const options = [...this.list.children];
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      this.close();
    } else if (event.key === "Enter" && this.chosen) {
      event.preventDefault();
      this.go(this.chosen);
    } else if (event.key in moves && options.length) {
      event.preventDefault();
      const from = this.chosen ? options.indexOf(this.chosen) : moves[event.key] > 0 ? -1 : 0;
      this.open(true);
      this.choose(options.at((from + moves[event.key]) % options.length));
    }
  }

  choose(option) {
    this.chosen?.setAttribute("aria-selected", "false");
    this.chosen = option;
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  open(shown) {
    this.list.hidden = !shown;
    this.input.setAttribute("aria-expanded", String(shown));
  }

  close() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.choose(null);
    this.open(false);
    this.status.textContent = "";
  }

  go(option) {
    if (!option) return;
    const { id, path, text } = option.dataset;
    if (this.input.dataset.kind) this.fill(text);
    else if (this.input.dispatchEvent(new CustomEvent("choose", { detail: id, cancelable: true }))) location.assign(path);
    else this.input.value = "";
    this.close();
  }

  fill(text) {
    this.input.value = text;
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

for (const input of document.querySelectorAll("input[data-suggestions]")) new Suggestions(input);
