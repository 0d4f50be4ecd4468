// A form that was changed asks before it is left. Without it the form works.
for (const form of document.querySelectorAll("form.edit")) {
  let changed = "changed" in form.dataset;
  form.addEventListener("input", () => (changed = true));
  form.addEventListener("submit", () => (changed = false));
  addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
}
