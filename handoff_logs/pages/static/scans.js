// What a scanner types into a form of many numbers, the key of the EMULATED one, and the key that signs. What is scanned
// stays in this browser until it is stored, whatever becomes of the page. Labels and serials are no personal data.
export const elsewhere = (event) => !event.target.closest("input, textarea, button, a, select");
export const typed = (event) => event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;

document.addEventListener("keydown", (event) => {
  const pressed = { F4: "[data-emulated]", F9: "[data-sign]" }[event.key];
  if (!pressed) return;
  const button = document.querySelector(pressed);
  if (button) { event.preventDefault(); button.click(); }
});

// A count: each label once, kept until it is stored.
const kept = (name, code) => `passline.labels.${code}.${name}`;
for (const area of document.querySelectorAll("[data-labels]")) {
  const place = kept(area.dataset.labels, area.dataset.code), tally = area.form.querySelector("[data-tally]");
  const labels = () => [...new Set(area.value.split(/\s+/).filter(Boolean))];
  const show = () => { tally.textContent = labels().length; localStorage.setItem(place, area.value); };
  if (!area.value) area.value = localStorage.getItem(place) ?? "";
  area.addEventListener("input", () => {
    // A label that was scanned twice is one.
    if (area.value.endsWith("\n")) area.value = labels().map((each) => `${each}\n`).join("");
    show();
  });
  document.addEventListener("keydown", (event) => { if (elsewhere(event) && typed(event)) area.focus(); });
  area.form.querySelector("[data-anew]").addEventListener("click", () => { area.value = ""; show(); area.focus(); });
  show();
}
const done = new URLSearchParams(location.search).get("done");
if (done && ["/mailing/acts", "/machines"].includes(location.pathname)) {
  const code = document.querySelector(".who .code")?.textContent;
  localStorage.removeItem(kept(done, code));
  history.replaceState(null, "", location.pathname);
}
