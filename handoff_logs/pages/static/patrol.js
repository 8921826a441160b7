// The pages work without this. It keeps what was answered until the round is recorded, though the page be left or the
// telephone sleep (never photographs), asks for words where something is not in order, and keeps a walker signed in.
const PING_MS = 60_000;
const form = document.querySelector("form[data-patrol]");
const fields = () => [...form.querySelectorAll("input:not([type=file], [name=token]), select")];

const walked = document.querySelector("[data-walked]");
if (walked) sessionStorage.removeItem(`patrol:${walked.dataset.walked}`);
if (form) {
  const key = `patrol:${form.dataset.patrol}`;
  let pinged = Date.now();
  const keep = () => {
    const values = fields().filter((each) => !["radio", "checkbox"].includes(each.type) || each.checked);
    sessionStorage.setItem(key, JSON.stringify(values.map((each) => [each.name, each.value])));
  };
  const ask = () => {
    for (const found of form.querySelectorAll(".found")) {
      const bad = found.parentElement.querySelector("[value=bad]").checked;
      found.querySelector("input").required = bad;
    }
  };
  const kept = sessionStorage.getItem(key);
  if (kept && form.dataset.given === undefined) {
    const values = new Map(JSON.parse(kept));
    for (const each of fields()) {
      if (!values.has(each.name)) continue;
      if (["radio", "checkbox"].includes(each.type)) each.checked = values.get(each.name) === each.value;
      else each.value = values.get(each.name);
    }
  }
  ask();
  form.addEventListener("input", () => {
    keep();
    ask();
    if (Date.now() - pinged < PING_MS) return;
    pinged = Date.now();
    fetch("/patrol/alive").catch(() => {});
  });
  // Whoever comes back over the browser's history must not find a dead button.
  addEventListener("pageshow", () => { form.querySelector("button").disabled = false; });
  form.addEventListener("submit", () => {
    keep();
    form.querySelector("button").disabled = true;
  });
}
