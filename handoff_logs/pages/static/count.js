// Counting a tray: a scanner types faster than a page loads, so scans wait in line here and are sent one after another,
// none of them lost. The field has the focus again after everything.
const form = document.getElementById("scan");
if (form) {
  const field = form.elements.number, list = document.getElementById("scanned"), refused = document.getElementById("refused");
  const waiting = document.getElementById("waiting"), close = document.getElementById("close");
  const AGAIN_MS = 1_000;
  const queue = [];
  let sending = false;

  function show() {
    waiting.hidden = queue.length === 0;
    waiting.querySelector("b").textContent = queue.length;
    // What is not stored yet would not count.
    close.querySelector("button").disabled = queue.length > 0;
  }

  function tell(text) {
    const line = document.createElement("p");
    line.className = "problem";
    line.textContent = text;
    refused.replaceChildren(line);
  }

  async function send(number) {
    const body = new URLSearchParams(new FormData(form));
    body.set("number", number);
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") return location.reload();
    const told = await answer.json();
    if (!answer.ok) return tell(`${number}: ${told.said}`);
    list.replaceChildren(...told.scanned.reverse().map((each) => Object.assign(document.createElement("li"), { textContent: each })));
    document.getElementById("tally").textContent = told.scanned.length;
    refused.replaceChildren();
  }

  async function work() {
    if (sending) return;
    sending = true;
    while (queue.length) {
      try {
        await send(queue[0]);
        queue.shift();
      } catch {
        tell(form.dataset.failed);
        await new Promise((done) => setTimeout(done, AGAIN_MS));
      }
      show();
    }
    sending = false;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const number = field.value.trim();
    field.value = "";
    field.focus();
    if (!number) return;
    queue.push(number);
    show();
    work();
  });
  document.addEventListener("keydown", (event) => {
    const button = { F9: close.querySelector("button"), F4: document.querySelector("[data-emulated]") }[event.key];
    // A key that is held down is one press: what it asks again is not answered by it.
    if (button) { event.preventDefault(); if (!event.repeat) button.click(); return; }
    const elsewhere = !event.target.closest("input, button, a, select");
    if (elsewhere && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) field.focus();
  });
  addEventListener("beforeunload", (event) => { if (queue.length) event.preventDefault(); });
  field.focus();
}
