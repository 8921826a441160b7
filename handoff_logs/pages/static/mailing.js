// The mailing desk: a scanner is a keyboard. The field has the focus again after everything; what is scanned in a count stays
// in this browser until it is stored, whatever becomes of the page. Labels are no personal data.
const elsewhere = (event) => !event.target.closest("input, textarea, button, a, select");
const typed = (event) => event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;

document.addEventListener("keydown", (event) => {
  if (event.key !== "F4") return;
  const button = document.querySelector("[data-emulated]");
  if (button) { event.preventDefault(); button.click(); }
});

// On the scale: a scanned label leads on to the weight.
const weigh = document.getElementById("weigh");
if (weigh) {
  const { label, grams } = weigh.elements;
  label.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !label.value.trim()) return;
    event.preventDefault();
    grams.select();
    grams.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (elsewhere(event) && typed(event)) (label.value ? grams : label).focus();
  });
}

// A reason that fills the page is left by a key, and not by the scanner's next label.
const seen = document.querySelector("[data-seen]");
if (seen) {
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") seen.click(); });
}

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
if (done && location.pathname === "/mailing/acts") {
  const code = document.querySelector(".who .code")?.textContent;
  localStorage.removeItem(kept(done, code));
  history.replaceState(null, "", location.pathname);
}

// A form with a file: what is refused keeps the file, which a page that is loaded anew would not.
for (const form of document.querySelectorAll("form[data-keeps]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button"), refused = document.getElementById("refused");
    button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
      if (answer.redirected) return location.assign(answer.url);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const told = page.getElementById("refused") ?? page.querySelector("main");
      refused.replaceChildren(...(told ? [...told.childNodes].map((each) => document.adoptNode(each)) : []));
      for (const field of form.querySelectorAll("[type=password]")) field.value = "";
    } catch {
      refused.textContent = form.dataset.failed;
    } finally {
      button.disabled = false;
    }
  });
}
