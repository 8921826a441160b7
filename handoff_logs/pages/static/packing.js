// The packing desk: three codes make a piece, whatever their order. What is complete is kept in this browser until the
// server has stored it, and sent in order, one after another; a scanner is faster than any network. What does not belong
// together stops everything until somebody acknowledges it with a key that no scanner types.
const desk = document.getElementById("desk"), form = document.getElementById("scan"), field = form.elements.code;
const says = document.getElementById("says"), result = document.getElementById("result"), now = document.getElementById("now");
const stop = document.getElementById("stop"), closing = document.getElementById("closing");
const release = document.getElementById("release"), firstHand = document.getElementById("first-hand"), secondHand = document.getElementById("second-hand");
const { code, token } = desk.dataset;
const QUEUE = `passline.packing.${code}.`;
const ORDER = new RegExp(`^(?:${desk.dataset.order})$`, "u"), ENVELOPE = new RegExp(`^(?:${desk.dataset.envelope})$`, "su");
const LOOK_MS = 2_000, PATIENCE_MS = 10_000, AGAIN_MS = [500, 1_000, 2_000, 4_000, 8_000], LONGEST = 96;
const PARTS = 3, ACKNOWLEDGE_MS = 400; // a key that is held down from before acknowledges nothing

let have = new Map(), sending = false, tries = 0, waking = null, looking = false, lookAgain = false, stoppedAt = 0, typed = 0;

const partOf = (read) => ORDER.test(read) ? "order" : ENVELOPE.test(read) ? "envelope" : "document";
const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
const takeOut = () => new Set([...now.querySelectorAll("[data-out]")].map((each) => each.dataset.out));

// A tone for what stops: only after somebody has touched a key are browsers willing to sound.
let audio = null;
addEventListener("keydown", () => { audio ??= new AudioContext(); audio.resume(); }, { capture: true });
addEventListener("pointerdown", () => { audio ??= new AudioContext(); audio.resume(); }, { capture: true });
function sound() {
  if (audio === null) return;
  const tone = audio.createOscillator(), loud = audio.createGain(), from = audio.currentTime;
  tone.type = "square";
  tone.frequency.setValueAtTime(880, from);
  tone.frequency.setValueAtTime(440, from + .2);
  loud.gain.setValueAtTime(.25, from);
  loud.gain.setValueAtTime(.25, from + .55);
  loud.gain.linearRampToValueAtTime(0, from + .6);
  tone.connect(loud).connect(audio.destination);
  tone.start(from);
  tone.stop(from + .6);
  desk.dataset.sounded = Number(desk.dataset.sounded ?? 0) + 1;
}

// What the server has not stored yet: one entry a piece.
const unsent = () => Object.keys(localStorage).filter((each) => each.startsWith(QUEUE)).map((each) => JSON.parse(localStorage.getItem(each))).sort((a, b) => a.at - b.at || a.turn - b.turn);
const keep = (piece) => localStorage.setItem(QUEUE + piece.id, JSON.stringify(piece));
const drop = (piece) => localStorage.removeItem(QUEUE + piece.id);
let turn = 0;

function counts() {
  const waiting = unsent().length, shown = document.getElementById("unsent");
  shown.textContent = waiting;
  shown.parentElement.classList.toggle("waits", waiting > 0);
}

function show() {
  for (const slot of document.querySelectorAll(".three li")) {
    const read = have.get(slot.dataset.part);
    slot.classList.toggle("have", read !== undefined);
    slot.querySelector(".sign").textContent = read === undefined ? "○" : "✓";
    slot.querySelector(".code").textContent = read ?? "";
  }
}

function tell(text) {
  const line = document.createElement("p"), seen = document.createElement("button");
  line.append(text, seen);
  seen.textContent = desk.dataset.dismiss;
  seen.className = "plain";
  seen.type = "button";
  seen.addEventListener("click", () => { line.remove(); field.focus(); });
  document.getElementById("refused").append(line);
}

async function ask(path, facts) {
  let answer;
  try {
    answer = await fetch(`/packing/${path}`, { method: "POST", body: new URLSearchParams({ token, ...facts }), redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch { return { away: true }; }
  if (answer.type === "opaqueredirect") return { out: true };
  if (answer.status >= 500 || answer.status === 429) return { away: true };
  try { return { ok: answer.ok, status: answer.status, ...(await answer.json()) }; } catch { return { away: true }; }
}

function trouble(answer) {
  if (answer.out) document.getElementById("signin").hidden = false;
  if (answer.out || answer.away) says.textContent = answer.out ? desk.dataset.out : desk.dataset.away;
  else if (answer.said) tell(answer.said);
}

// One code. The same one again is no second code; another of its kind does not belong, and is sent at once.
function take(read) {
  if (stop.open) return refuse();
  const part = partOf(read), before = have.get(part);
  if (before === read) { says.textContent = desk.dataset.again.replace("{code}", read); return; }
  says.textContent = desk.dataset.ready;
  if (part === "document" && have.size === 0 && takeOut().has(read)) return complete([read]);
  if (before !== undefined) return complete([...have.values(), read]);
  have.set(part, read);
  if (have.size === PARTS) complete([...have.values()]);
  else show();
}

function complete(codes) {
  have = new Map();
  show();
  keep({ id: newId(), codes, at: Date.now(), turn: turn++, from: performance.now() });
  counts();
  send();
}

// In order and one after another; while something stops, what was scanned before it waits.
async function send() {
  if (sending || stop.open) return;
  sending = true;
  clearTimeout(waking);
  for (let waiting = unsent(); waiting.length && !stop.open; waiting = unsent()) {
    const piece = waiting[0];
    const answer = await ask("match", { match: piece.id, codes: piece.codes.map((each) => each.slice(0, LONGEST)).join("\n") });
    if (answer.out || answer.away || answer.status === 403) {
      trouble(answer);
      if (answer.away) waking = setTimeout(send, AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
      sending = false;
      return;
    }
    tries = 0;
    drop(piece);
    counts();
    if (says.textContent === desk.dataset.away) says.textContent = desk.dataset.ready;
    if (!answer.ok) { trouble(answer); sound(); continue; }
    if (answer.outcome === "matched") matched(answer);
    else stopped(answer);
    performance.measure("scan-to-told", { start: Math.min(piece.from ?? 0, performance.now()), end: performance.now() });
  }
  sending = false;
  look();
}

let aside = []; // parcels whose weight differs, while another stop fills the page

function matched(answer) {
  result.className = "good";
  for (const part of ["head", "more", "green", "serial"]) result.querySelector(`.${part}`).textContent = answer[part] ?? "";
}

function stopped(answer) {
  result.className = "";
  for (const line of result.querySelectorAll("p")) line.textContent = "";
  stop.querySelector("h2").textContent = answer.head;
  stop.querySelector("#stop-more").textContent = answer.more;
  stop.querySelector(".then").textContent = answer.then;
  stop.querySelector(".serial").textContent = answer.serial ?? "";
  stop.querySelector(".first").textContent = "";
  stop.showModal();
  stop.querySelector("h2").focus();
  stoppedAt = performance.now();
  typed = 0;
  sound();
}

function refuse() {
  stop.querySelector(".first").textContent = desk.dataset.first;
  sound();
}

function acknowledge() {
  if (performance.now() - stoppedAt < ACKNOWLEDGE_MS) return;
  stop.close();
  field.value = "";
  field.focus();
  if (aside.length) return stopped(aside.shift());
  send();
}

stop.addEventListener("cancel", (event) => { event.preventDefault(); acknowledge(); });
stop.querySelector("button").addEventListener("click", (event) => { if (event.detail > 0) acknowledge(); });
stop.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { event.preventDefault(); if (!event.repeat) acknowledge(); return; }
  const pressed = event.target.closest("button") && typed === 0;
  if (pressed && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); if (!event.repeat) acknowledge(); return; }
  // A scanner types a code and Enter, which must acknowledge nothing.
  if (event.key === "Enter") { event.preventDefault(); if (typed) refuse(); typed = 0; }
  else if (event.key.length === 1) { event.preventDefault(); typed += 1; }
});

// What lies at the desk now; looking keeps nobody signed in.
async function look() {
  if (looking) { lookAgain = true; return; }
  looking = true;
  do {
    lookAgain = false;
    try {
      const answer = await fetch("/packing/now", { headers: { "passline-live": "1" }, redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (answer.ok) lay(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the next look */ }
  } while (lookAgain);
  looking = false;
}

// What is the same stays where it is, with whatever has the focus; else the focus goes to what stands in its place.
let laid = now.innerHTML.trim();

function lay(page) {
  const fresh = page.body.innerHTML.trim();
  if (fresh === laid) return;
  laid = fresh;
  const focused = document.activeElement?.closest("#now [data-box], #now [data-ask], #now [data-release], #now [data-undo], #now a[href]");
  const again = focused && (focused.dataset.undo ? "[data-undo]"
    : focused.dataset.release ? `[data-release="${CSS.escape(focused.dataset.release)}"][data-resolution="${focused.dataset.resolution}"]`
    : focused.dataset.box ? `[data-box="${focused.dataset.box}"]`
    : focused.dataset.ask ? `[data-ask="${focused.dataset.ask}"][data-answer="${focused.dataset.answer}"]`
    : `a[href="${CSS.escape(focused.getAttribute("href"))}"]`);
  const asideBefore = new Set([...now.querySelectorAll("[data-aside]")].map((each) => each.dataset.aside));
  now.replaceChildren(...[...page.body.childNodes].map((each) => document.adoptNode(each)));
  if (again) (now.querySelector(again) ?? field).focus();
  // A closed parcel whose weight differs stops as a mismatch does.
  for (const each of now.querySelectorAll("[data-aside]")) {
    if (asideBefore.has(each.dataset.aside)) continue;
    const { aside: serial, head, more, then } = each.dataset;
    if (stop.open || release.open) aside.push({ serial, head, more, then }); else stopped({ serial, head, more, then });
  }
}

async function close(box) {
  closing.close();
  const answer = await ask("close", { box });
  if (!answer.ok) trouble(answer);
  await look();
  field.focus();
}

now.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.box) return close(button.dataset.box);
  if (button?.dataset.undo) return undo();
  if (button?.dataset.release) return decide(button);
  if (!button?.dataset.ask) return;
  const answer = await ask("answer", { ask: button.dataset.ask, answer: button.dataset.answer });
  if (!answer.ok) trouble(answer);
  await look();
  field.focus();
});

// One's own last match, taken back under an id of its own; sent again it is the same.
let undoing = { match: "", undo: "" };
async function undo() {
  const match = now.querySelector("[data-undo]")?.dataset.undo;
  if (!match || unsent().length) { says.textContent = desk.dataset.noundo; return; }
  if (undoing.match !== match) undoing = { match, undo: newId() };
  const answer = await ask("undo", undoing);
  if (!answer.ok) trouble(answer);
  else {
    for (const line of result.querySelectorAll("p")) line.textContent = "";
    result.className = "";
    says.textContent = answer.said;
  }
  await look();
  field.focus();
}

// What lies on the hold shelf: two decide, both sign in at that moment.
let releasing = null;
function decide(button) {
  releasing = { release: newId(), number: button.dataset.release, resolution: button.dataset.resolution };
  document.getElementById("release-number").textContent = releasing.number;
  document.getElementById("release-way").textContent = button.firstChild.textContent;
  empty();
  release.showModal();
  firstHand.elements.password.focus();
}
function empty() {
  firstHand.reset();
  secondHand.reset();
  release.querySelector(".wrong").textContent = "";
}
firstHand.addEventListener("submit", (event) => { event.preventDefault(); secondHand.elements.second.focus(); });
secondHand.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { password } = firstHand.elements, { second, second_password } = secondHand.elements;
  if (!password.value) return password.focus();
  const answer = await ask("release", { ...releasing, password: password.value, second: second.value, second_password: second_password.value });
  if (!answer.ok) {
    release.querySelector(".wrong").textContent = answer.said ?? (answer.out ? desk.dataset.out : desk.dataset.away);
    const again = answer.refused === "qc.first_refused" ? password : answer.refused?.startsWith("qc.second") ? second_password : null;
    if (again) { again.value = ""; again.focus(); }
    return;
  }
  release.close();
  says.textContent = desk.dataset.signed.replace("{number}", releasing.number);
  await look();
});
document.getElementById("later").addEventListener("click", () => release.close());
release.addEventListener("close", () => { empty(); field.focus(); if (aside.length && !stop.open) stopped(aside.shift()); });

// The open boxes with a key each.
const BOX_KEYS = "1234567890abcdefghijklmnopqrstuvwxyz";
function chooseBox() {
  const list = closing.querySelector("ul");
  list.replaceChildren(...[...now.querySelectorAll("[data-box]")].map((button, place) => {
    const line = document.createElement("li"), choice = document.createElement("button"), key = document.createElement("kbd");
    key.textContent = BOX_KEYS[place] ?? "";
    choice.type = "button";
    choice.dataset.closes = button.dataset.box;
    const box = button.closest("li");
    choice.append(key, ` ${box.querySelector(".office").textContent}: ${box.querySelector("b").textContent}`);
    choice.addEventListener("click", () => close(choice.dataset.closes));
    line.append(choice);
    return line;
  }));
  if (list.children.length) closing.showModal();
}
closing.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const chosen = closing.querySelectorAll("li button")[BOX_KEYS.indexOf(event.key)];
  if (event.key.length === 1 && chosen) { event.preventDefault(); close(chosen.dataset.closes); }
});
closing.querySelector("p button").addEventListener("click", () => closing.close());
closing.addEventListener("close", () => field.focus());

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const read = field.value.trim();
  field.value = "";
  field.focus();
  if (read) take(read);
});
document.getElementById("anew").addEventListener("click", anew);
function anew() { have = new Map(); show(); says.textContent = desk.dataset.ready; field.focus(); }

const eyes = document.getElementById("emulated");
async function scanEmulated() {
  if (stop.open) return;
  const answer = await ask("emulated", { codes: [...have.values()].join("\n") });
  if (!answer.ok) return trouble(answer);
  if (answer.code === null) says.textContent = desk.dataset.nothing;
  else take(answer.code);
  field.focus();
}
eyes?.addEventListener("click", scanEmulated);

addEventListener("keydown", (event) => {
  if (stop.open || closing.open || release.open || event.ctrlKey || event.altKey || event.metaKey) return;
  const act = { F2: anew, F6: undo, F4: eyes ? scanEmulated : null, F8: chooseBox }[event.key];
  if (act) { event.preventDefault(); if (!event.repeat) act(); return; }
  const elsewhere = !event.target.closest?.("input, button, a, select");
  if (elsewhere && event.key.length === 1) field.focus();
});
addEventListener("online", () => { tries = 0; send(); });
addEventListener("storage", () => { counts(); });
setInterval(() => { if (document.getElementById("signin").hidden) look(); }, LOOK_MS);

show();
counts();
field.focus();
send();
