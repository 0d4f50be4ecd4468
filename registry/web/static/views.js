// The explorer changes its address without loading a page, so the form reads the address when it is sent.
for (const form of document.querySelectorAll("form[data-here]"))
  form.addEventListener("submit", () => { form.elements.address.value = location.pathname + location.search; });
