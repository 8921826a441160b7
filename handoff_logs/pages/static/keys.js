// Each person's own keys at a desk, kept in this browser under their code. Keys are in layers (acts, items): within one
// each has its own, and what can be none is refused with its reason; then nothing is changed.
// `usual()` gives the keys of all layers, `bars(key)` why a key can't be one there, or nothing.
export function ownKeys(dialog, store, usual, bars, changed) {
  const inputs = () => [...dialog.querySelectorAll("fieldset[data-layer] input")];
  const layer = (input) => input.closest("fieldset").dataset.layer;
  const named = (input) => input.parentElement.textContent.trim();
  const fill = (from) => { for (const input of inputs()) input.value = from[layer(input)][input.name] ?? ""; };
  const wrong = dialog.querySelector(".wrong");

  function refusal(chosen) {
    const taken = {};
    for (const input of inputs()) {
      const key = chosen[layer(input)][input.name] ?? "", its = `${layer(input)} ${key}`;
      const why = key === "" ? dialog.dataset.none : bars(key) ?? (its in taken ? dialog.dataset.same.replace("{other}", taken[its]) : null);
      if (why) return { input, why: why.replace("{pressed}", key).replace("{one}", named(input)) };
      taken[its] = named(input);
    }
    return null;
  }

  const own = { now: usual(), open() { fill(own.now); wrong.textContent = ""; dialog.showModal(); } };
  try {
    const kept = JSON.parse(localStorage.getItem(store) ?? "{}");
    const whole = Object.fromEntries(Object.entries(own.now).map(([name, keys]) => [name, { ...keys, ...kept[name] }]));
    // What was kept before an act was new may have its key: then the usual ones.
    if (refusal(whole) === null) own.now = whole;
  } catch { /* the usual ones */ }

  dialog.querySelector("#usual").addEventListener("click", () => { fill(usual()); wrong.textContent = ""; });
  dialog.querySelector("form").addEventListener("submit", (event) => {
    const chosen = {};
    for (const input of inputs()) (chosen[layer(input)] ??= {})[input.name] = input.value.trim();
    const refused = refusal(chosen);
    wrong.textContent = refused?.why ?? "";
    if (refused !== null) { event.preventDefault(); refused.input.focus(); return; }
    own.now = chosen;
    localStorage.setItem(store, JSON.stringify(chosen));
    changed();
  });
  return own;
}
