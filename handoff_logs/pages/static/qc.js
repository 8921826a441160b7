// The QC desk: lays the piece that was scanned on the page beside its order, sends what is decided, and has two sign for a
// void. A scanner is a keyboard: its capitals, digits and Enter go into the field, small letters are what the desk does.
import { ownKeys } from "/static/keys.js";

const desk = document.getElementById("desk"), stage = document.getElementById("piece"), below = document.getElementById("overview");
const scanner = document.getElementById("scan"), field = document.getElementById("serial"), said = document.getElementById("says"), refused = document.getElementById("refused");
const dialog = document.getElementById("void"), wrong = dialog.querySelector(".wrong");
const first = document.getElementById("first-hand"), other = document.getElementById("second-hand");
const { password } = first.elements, { second, second_password } = other.elements;
const { code, token } = desk.dataset;
const LOOK_MS = 5_000, PATIENCE_MS = 10_000, AGAIN_MS = [500, 1_000, 2_000, 4_000, 8_000];
const LEAST_LOOK_MS = 400; // a key that is pressed twice is one decision
const SOON_MS = 500, SOON_FOR_MS = 10_000; // how often, and how long after an act of one's own, what the line is about to do is asked for
const ACTS = { pass: "p", fail: "f", back: "b", again: "r", undo: "u", void: "v", keys: "k" };

let paintedAt = 0, decidedAt = -Infinity, choosing = false, sure = false, busy = false, undoable = "", voided = null;
let soonUntil = 0, soon = null;

// Small letters alone: a scanner types capitals and digits.
const usual = () => ({ acts: { ...ACTS }, items: JSON.parse(desk.dataset.codekeys) });
const own = ownKeys(document.getElementById("keys"), `passline.qc-keys.${code}`, usual, (key) => (/^[a-z]$/.test(key) ? null : desk.dataset.scanned), () => showKeys());

function showKeys(within = document) {
  for (const button of within.querySelectorAll("[data-act]:not([data-act=emulated])")) {
    button.querySelector("kbd").textContent = own.now.acts[button.dataset.act];
    button.setAttribute("aria-keyshortcuts", own.now.acts[button.dataset.act]);
  }
  for (const box of within.querySelectorAll(".items label input")) {
    box.parentElement.querySelector("kbd").textContent = own.now.items[box.value] ?? "";
  }
}

const piece = () => stage.querySelector("article");
const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
const say = (text, serial = "") => { said.textContent = text.replace("{serial}", serial); };
const asked = () => document.querySelector("dialog[open]") !== null;
const ready = () => { if (!asked()) field.focus({ preventScroll: true }); };

function tell(text) {
  const line = document.createElement("p"), seen = document.createElement("button");
  line.append(text, seen);
  seen.textContent = desk.dataset.dismiss;
  seen.className = "plain";
  seen.addEventListener("click", () => { line.remove(); ready(); });
  refused.replaceChildren(line);
}

// The server is asked; nothing but an answer in JSON is one.
async function ask(path, facts = {}) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", body: new URLSearchParams({ token, ...facts }), redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch { return { away: true }; }
  if (answer.type === "opaqueredirect") return { out: true };
  if (answer.status >= 500) return { away: true };
  try { return { ok: answer.ok, status: answer.status, ...(await answer.json()) }; } catch { return { away: true }; }
}

function trouble(answer) {
  if (answer.out) {
    document.getElementById("signin").hidden = false;
    say(desk.dataset.out);
  } else if (answer.away) say(desk.dataset.away);
  else tell(answer.said);
}

// One act after another; what fails because the server is away is sent again, under the same id.
async function act(path, facts) {
  if (busy) return { ok: false, busy: true };
  busy = true;
  try {
    for (let tries = 0; ; tries += 1) {
      const answer = await ask(path, facts);
      soonUntil = performance.now() + SOON_FOR_MS;
      if (!answer.away) {
        if (said.textContent === desk.dataset.away) say("");
        return answer;
      }
      trouble(answer);
      await new Promise((done) => setTimeout(done, AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)]));
    }
  } finally { busy = false; }
}

async function fragment(path, headers = {}) {
  try {
    const answer = await fetch(path, { redirect: "manual", headers, signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.type === "opaqueredirect") trouble({ out: true });
    if (!answer.ok) return null;
    return document.adoptNode(new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("article"));
  } catch { return null; }
}

let laid = "";

async function look(headers = {}) {
  const found = await fragment("/qc/overview", headers);
  if (found === null) return null;
  undoable = found.dataset.undo;
  // What the line is about to do with what was just done here is asked for at once, and not for ever.
  clearTimeout(soon);
  if (found.dataset.coming !== "0" && performance.now() < soonUntil) soon = setTimeout(() => { if (busy || asked()) return; look({ "passline-live": "1" }); }, SOON_MS);
  // What is the same stays where it is, with whatever has the focus; else the focus goes to what stands in its place.
  if (found.outerHTML === laid) return found;
  laid = found.outerHTML;
  const focused = below.contains(document.activeElement) ? document.activeElement : null;
  below.replaceChildren(found);
  if (focused !== null) {
    const href = focused.getAttribute("href");
    const same = href === null ? null : below.querySelector(`a[href="${CSS.escape(href)}"]`);
    if (same === null) ready(); else same.focus({ preventScroll: true });
  }
  return found;
}

async function lay(hold) {
  const article = await fragment(`/qc/piece/${hold}`);
  if (article === null) return clear();
  choose(false);
  showKeys(article);
  stage.replaceChildren(article);
  await Promise.allSettled([...article.querySelectorAll("img")].map((image) => image.decode()));
  paintedAt = performance.now();
  article.dataset.painted = "";
  sure = false;
  ready();
}

function clear() {
  choose(false);
  stage.replaceChildren();
  ready();
}

function choose(on) {
  choosing = on;
  if (on) desk.dataset.choosing = ""; else delete desk.dataset.choosing;
  if (on) say(desk.dataset.choose);
}

// What a person does.

async function take(serial) {
  refused.replaceChildren();
  const answer = await act("/qc/scan", { serial });
  if (answer.busy) return;
  if (!answer.ok) {
    clear();
    trouble(answer);
    if (answer.said) tell(`${serial.toUpperCase()}: ${answer.said}`);
    field.select();
  } else {
    field.value = "";
    say("");
    await lay(answer.hold);
  }
  await look();
}

async function scanEmulated() {
  const answer = await act("/qc/emulated");
  if (answer.busy) return;
  if (!answer.ok) return trouble(answer);
  field.value = answer.serial;
  await take(answer.serial);
}

async function decide(outcome, codes) {
  const article = piece();
  // A key that is pressed twice is one decision, and what it came to is still to be read.
  if (performance.now() - Math.max(paintedAt, decidedAt) < LEAST_LOOK_MS || busy) return;
  if (article === null) return say(desk.dataset.nothing);
  const { hold, serial, suspected } = article.dataset;
  if (outcome === "fail" && !codes.length) return say(desk.dataset.nocode);
  // What a reader suspects is passed by two keys, not by one.
  if (outcome === "pass" && suspected !== "0" && !sure) { sure = true; return say(desk.dataset.sure); }
  const decision = newId();
  const answer = await act("/qc/decide", { decision, hold, outcome, codes: codes.join(" ") });
  if (answer.busy) return;
  if (!answer.ok) {
    trouble(answer);
    if (answer.status === 404) clear();
    sure = false;
    choose(false);
    await look();
    return;
  }
  refused.replaceChildren();
  undoable = decision;
  decidedAt = performance.now();
  clear();
  say(outcome === "pass" ? desk.dataset.passed : desk.dataset.failed, serial);
  await look();
  if (outcome === "fail") sign(below.querySelector(`[data-decision="${decision}"].sign-it`));
}

async function undo() {
  if (!undoable) return say(desk.dataset.cannotundo);
  const answer = await act("/qc/undo", { decision: undoable });
  if (answer.busy) return;
  if (!answer.ok) { trouble(answer); await look(); return; }
  await lay(answer.hold);
  say(desk.dataset.undone, answer.serial);
  await look();
}

async function back() {
  const article = piece();
  if (article === null) return say(desk.dataset.nothing);
  const answer = await act("/qc/back");
  if (answer.busy) return;
  if (!answer.ok) return trouble(answer);
  clear();
  say(desk.dataset.back, article.dataset.serial);
  await look();
}

async function again() {
  const article = piece();
  if (article === null) return say(desk.dataset.nothing);
  const answer = await act("/qc/again", { hold: article.dataset.hold });
  if (answer.busy) return;
  if (!answer.ok) return trouble(answer);
  clear();
  say(desk.dataset.again, article.dataset.serial);
  await look();
}

function sign(button) {
  if (!button) return;
  voided = { ...button.dataset };
  document.getElementById("void-serial").textContent = voided.serial;
  document.getElementById("void-codes").textContent = voided.codes;
  empty();
  dialog.showModal();
  password.focus();
}

function empty() {
  first.reset();
  other.reset();
  wrong.textContent = "";
}

first.addEventListener("submit", (event) => { event.preventDefault(); second.focus(); });
other.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (busy) return;
  if (!password.value) return password.focus();
  const facts = { decision: voided.decision, password: password.value, second: second.value, second_password: second_password.value };
  const answer = await ask("/qc/void", facts);
  if (!answer.ok) {
    wrong.textContent = answer.said ?? (answer.out ? desk.dataset.out : desk.dataset.away);
    // Whose password was wrong types it again; the rest stays.
    const again = answer.refused === "qc.first_refused" ? password : answer.refused?.startsWith("qc.second") ? second_password : null;
    if (again) { again.value = ""; again.focus(); }
    if (answer.refused === "qc.same_person") second.select();
    return;
  }
  dialog.close();
  soonUntil = performance.now() + SOON_FOR_MS;
  say(desk.dataset.signed, voided.serial);
  await look();
});
document.getElementById("later").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => { empty(); ready(); });

function does(name) {
  if (name === "pass") decide("pass", []);
  else if (name === "fail") { if (piece() === null) say(desk.dataset.nothing); else choose(true); }
  else if (name === "undo") undo();
  else if (name === "back") back();
  else if (name === "again") again();
  else if (name === "void") sign(below.querySelector(".sign-it"));
  else if (name === "keys") own.open();
  else if (name === "emulated") scanEmulated();
}

const ticked = () => [...stage.querySelectorAll(".items input:checked")].map((each) => each.value);

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => { does(button.dataset.act); ready(); });
}
below.addEventListener("click", (event) => { const button = event.target.closest(".sign-it"); if (button) sign(button); });

scanner.addEventListener("submit", (event) => {
  event.preventDefault();
  const serial = field.value.trim();
  if (choosing && !serial) return decide("fail", ticked());
  if (serial) take(serial);
});

addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || asked() || event.isComposing) return;
  if (event.key === "F4") { event.preventDefault(); if (document.querySelector('[data-act="emulated"]')) scanEmulated(); return; }
  if (event.target === field && field.value !== "") return;
  if (choosing) {
    if (event.key === "Escape") { choose(false); say(""); return event.preventDefault(); }
    if (event.key === "Enter" && event.target !== field && !event.target.closest("button, a")) { event.preventDefault(); return decide("fail", ticked()); }
    const label = [...stage.querySelectorAll(".items label")].find((each) => own.now.items[each.querySelector("input").value] === event.key);
    // A small letter that names no defect begins no serial either: the field would take the next key, too.
    if (label === undefined) { if (/^[a-z]$/.test(event.key) && !field.value) event.preventDefault(); return; }
    event.preventDefault();
    return decide("fail", [...new Set([...ticked(), label.querySelector("input").value])]);
  }
  const name = Object.keys(own.now.acts).find((each) => own.now.acts[each] === event.key);
  if (name !== undefined) { event.preventDefault(); return does(name); }
  if (event.key.length === 1 && !event.target.closest("input, button, a, select")) field.focus();
});

setInterval(() => { if (!busy && !asked() && document.getElementById("signin").hidden) look({ "passline-live": "1" }); }, LOOK_MS);

document.getElementById("keys").addEventListener("close", ready);
showKeys();
soonUntil = performance.now() + SOON_FOR_MS;
const found = await look();
if (found?.dataset.hold) await lay(found.dataset.hold);
ready();
