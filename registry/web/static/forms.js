// Warns before leaving a changed form. The form works without this script.
for (const form of document.querySelectorAll("form.edit")) {
  let changed = "changed" in form.dataset;
  form.addEventListener("input", () => (changed = true));
  form.addEventListener("submit", () => (changed = false));
  addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
}
