// The mailing desk: a scanner is a keyboard. The field has the focus again after everything.
import { elsewhere, typed } from "./scans.js";

// On the scale: a scanned label leads on to the weight.
const weigh = document.getElementById("weigh");
if (weigh) {
  const { label, grams } = weigh.elements;
  label.addEventListener("keydown", (event) => {
    if (!grams || event.key !== "Enter" || !label.value.trim()) return;
    event.preventDefault();
    grams.select();
    grams.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (elsewhere(event) && typed(event)) (label.value && grams ? grams : label).focus();
  });
}

// What was asked of the scale is looked at until it is told.
async function look() {
  const asked = document.getElementById("asked");
  if (!asked || !("waits" in asked.dataset)) return;
  try {
    const answer = await fetch(location.href);
    if (answer.redirected) return location.assign(answer.url);
    const told = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("asked");
    if (told && !("waits" in told.dataset)) {
      asked.replaceWith(document.adoptNode(told));
      told.querySelector("[autofocus]")?.focus();
      return;
    }
  } catch { /* the next look finds it */ }
  setTimeout(look, 500);
}
look();

// A reason that fills the page is left by a key, and not by the scanner's next label.
const seen = document.querySelector("[data-seen]");
if (seen) {
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") seen.click(); });
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
