// The review desk: lays one application after another on the page, and keeps each verdict until the server has stored it.
// Those ahead wait in memory with their pictures, so that the next is painted at once. Of an application nothing is kept in
// the browser; of a verdict its ids, outcome and reason codes, under its reviewer's code, until it is stored or refused.
import { ownKeys } from "/static/keys.js";

const desk = document.getElementById("desk"), stage = document.getElementById("case"), said = document.getElementById("says");
const { code, token } = desk.dataset;
const QUEUE = `passline.verdict.${code}.`;
const ASK_MS = 5_000, PATIENCE_MS = 10_000, AGAIN_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
const LEAST_LOOK_MS = 400; // a key that is pressed twice is one verdict
// Where they look for eyes, ears and mouth, in shares of the photograph: left, top, width, height. A passport photograph is framed.
const REGIONS = { eyes: [.2, .37, .6, .19], left: [.1, .39, .27, .23], right: [.63, .39, .27, .23], mouth: [.3, .56, .4, .14] };
const ACTS = { pass: "p", return: "r", hold: "h", undo: "u", book: "c", last: "l", keys: "k" };
const ITEM_KEYS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

const done = new Set(); // leases whose verdict was stored or refused: a lease is decided once, an undone one comes back as another
let held = [], cases = new Map(), current = null, paintedAt = 0, choosing = null, finishing = false, undoable = null;
let sending = false, taking = false, takeAgain = false, tries = 0, waking = null;

// Keys: one layer for what is done, one for the reasons that a return or a hold is written with.

const codes = () => [...document.querySelectorAll('#keys [data-layer="items"] input')].map((each) => each.name);
const usual = () => ({ acts: { ...ACTS }, items: Object.fromEntries(codes().map((each, place) => [each, ITEM_KEYS[place]])) });
function showKeys(within = document) {
  for (const button of within.querySelectorAll("[data-act]")) {
    button.querySelector("kbd").textContent = own.now.acts[button.dataset.act];
    button.setAttribute("aria-keyshortcuts", own.now.acts[button.dataset.act]);
  }
  for (const box of within.querySelectorAll(".items input")) {
    box.parentElement.querySelector("kbd").textContent = own.now.items[box.name] ?? "";
  }
}

const own = ownKeys(document.getElementById("keys"), `passline.keys.${code}`, usual, () => null, () => showKeys());

// What the server has not stored yet. One entry a verdict, so that two windows never write over each other's.

const unsent = () => Object.keys(localStorage).filter((each) => each.startsWith(QUEUE)).map((each) => JSON.parse(localStorage.getItem(each))).sort((a, b) => a.at - b.at);
const keep = (verdict) => localStorage.setItem(QUEUE + verdict.decision, JSON.stringify(verdict));
const drop = (verdict) => localStorage.removeItem(QUEUE + verdict.decision);
const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");

function counts() {
  const waiting = unsent();
  const shown = document.getElementById("unsent");
  shown.textContent = waiting.length;
  shown.parentElement.classList.toggle("waits", waiting.length > 0);
  const decided = new Set(waiting.map((each) => each.lease));
  document.getElementById("inhand").textContent = held.filter((each) => !decided.has(each.lease)).length;
}

function say(text) { said.textContent = text.replace("{go}", own.now.acts.last); }

function tellRefused(text) {
  const line = document.createElement("p"), seen = document.createElement("button");
  line.append(text, seen);
  seen.textContent = desk.dataset.dismiss;
  seen.className = "plain";
  seen.addEventListener("click", () => { line.remove(); stage.focus(); });
  document.getElementById("refused").append(line);
}

// The server is asked; nothing but an answer in JSON is one.

async function ask(path, facts = {}, headers = {}) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers, body: new URLSearchParams({ token, ...facts }), redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch { return { away: true }; }
  if (answer.type === "opaqueredirect") return { out: true };
  if (answer.status >= 500 || answer.status === 429) return { away: true };
  try { return { ok: answer.ok, status: answer.status, ...(await answer.json()) }; } catch { return { away: true }; }
}

function trouble(answer) {
  if (answer.out) {
    document.getElementById("signin").hidden = false;
    say(desk.dataset.out);
  } else if (answer.away) say(desk.dataset.away);
}

async function send() {
  if (sending) return;
  sending = true;
  clearTimeout(waking);
  for (let waiting = unsent(); waiting.length; waiting = unsent()) {
    const verdict = waiting[0];
    const answer = await ask("/review/verdict", { decision: verdict.decision, lease: verdict.lease, revision: verdict.revision, round: verdict.round, outcome: verdict.outcome, reasons: verdict.reasons.join(" ") });
    if (answer.out || answer.away || answer.status === 403) {
      trouble(answer);
      if (answer.status === 403) tellRefused(answer.said);
      if (answer.away) waking = setTimeout(send, AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
      sending = false;
      return;
    }
    tries = 0;
    drop(verdict);
    done.add(verdict.lease);
    cases.delete(verdict.lease);
    if (answer.ok) undoable = verdict.decision;
    else tellRefused(answer.said);
    const differs = answer.ok && answer.differs;
    held = held.filter((each) => each.lease !== verdict.lease);
    counts();
    if (differs) say(desk.dataset.differs.replace("{book}", own.now.acts.book));
    else if (said.textContent === desk.dataset.away) say("");
  }
  sending = false;
  take();
}

// What is in hand, with those ahead. A look that nobody asked for keeps nobody signed in.

async function take(headers = {}) {
  if (taking) { takeAgain = true; return; }
  taking = true;
  do {
    takeAgain = false;
    const answer = await ask("/review/take", finishing ? { ahead: "0" } : {}, headers);
    if (!answer.ok) {
      trouble(answer);
      if (answer.said) tellRefused(answer.said);
      break;
    }
    held = answer.held.filter((each) => !done.has(each.lease)); // an answer from before the last verdict was stored knows it not
    if (!unsent().length) undoable = answer.undo;
    const kept = new Set(held.map((each) => each.lease));
    for (const lease of cases.keys()) if (!kept.has(lease) && lease !== current?.lease) cases.delete(lease);
    for (const each of held) if (!cases.has(each.lease)) prefetch(each.lease);
    lay();
  } while (takeAgain);
  taking = false;
  counts();
}

// First the promise of a case, then the case itself, so that laying it takes no wait.
function prefetch(lease) {
  const coming = fetched(lease);
  cases.set(lease, coming);
  coming.then((article) => { if (article !== null && cases.get(lease) === coming) cases.set(lease, article); });
  return coming;
}

async function fetched(lease) {
  try {
    const answer = await fetch(`/review/case/${lease}`, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(answer.status);
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("article");
    const article = document.adoptNode(parsed), photo = article.querySelector(".photo");
    showKeys(article);
    await Promise.all([...article.querySelectorAll("img")].map((image) => image.decode()));
    for (const canvas of article.querySelectorAll("canvas")) {
      const [left, top, wide, high] = REGIONS[canvas.dataset.region], { naturalWidth: w, naturalHeight: h } = photo;
      canvas.height = Math.round(canvas.width * (high * h) / (wide * w));
      const pen = canvas.getContext("2d");
      pen.imageSmoothingQuality = "high";
      pen.drawImage(photo, left * w, top * h, wide * w, high * h, 0, 0, canvas.width, canvas.height);
    }
    return article;
  } catch {
    cases.delete(lease);
    setTimeout(take, AGAIN_MS[1]);
    return null;
  }
}

const next = () => {
  const decided = new Set(unsent().map((each) => each.lease));
  return held.find((each) => !decided.has(each.lease)) ?? null;
};

// Lays the next one on the page; what is decided is gone from it at once.
async function lay() {
  const wanted = next();
  if (wanted?.lease === current?.lease && (wanted === null) === (current === null)) {
    if (wanted !== null) { current = wanted; return; }
  }
  current = wanted;
  choose(null);
  if (wanted === null) {
    stage.replaceChildren();
    say(finishing ? desk.dataset.done : desk.dataset.nothing);
    return;
  }
  let article = cases.get(wanted.lease);
  if (article instanceof Promise || article === undefined) {
    stage.replaceChildren();
    say(desk.dataset.loading);
    article = await (article ?? prefetch(wanted.lease));
    if (current?.lease !== wanted.lease) return;
    if (article === null) { current = null; return; }
  }
  put(article);
}

function put(article) {
  stage.replaceChildren(article);
  if ([desk.dataset.loading, desk.dataset.nothing].includes(said.textContent)) say(finishing ? desk.dataset.last : "");
  article.focus({ preventScroll: true });
  paintedAt = performance.now();
  counts();
  tell("painted", article);
}

// For the casebook (casebook.js).
function tell(what, detail) { dispatchEvent(new CustomEvent(`desk:${what}`, { detail })); }

// What a person does.

function decide(outcome, reasons, pressedAt) {
  if (current === null || performance.now() - paintedAt < LEAST_LOOK_MS || !stage.querySelector("article")) return;
  if (outcome !== "pass" && !reasons.length) return say(desk.dataset.noreason);
  const verdict = { ...current, decision: newId(), outcome, reasons, at: Date.now() + performance.now() / 1e6 };
  keep(verdict);
  tell("decided", { verdict, article: stage.querySelector("article") });
  say("");
  lay();
  requestAnimationFrame(() => { const after = new MessageChannel(); after.port1.onmessage = () => performance.measure("verdict-to-painted", { start: pressedAt, end: performance.now() }); after.port2.postMessage(0); });
  counts();
  send();
}

function choose(outcome) {
  choosing = outcome;
  if (outcome === null) { delete desk.dataset.choosing; return; }
  desk.dataset.choosing = outcome;
  say(desk.dataset[outcome]);
}

const ticked = () => [...stage.querySelectorAll(".items input:checked")].map((each) => each.value);

async function undo() {
  const waiting = unsent().filter((each) => held.some((one) => one.lease === each.lease));
  const last = waiting.at(-1);
  if (last && !(sending && waiting.length === 1)) {
    drop(last); // it never left
    say(desk.dataset.undone);
    return lay();
  }
  while (sending) await new Promise((done) => setTimeout(done, 20));
  if (undoable === null) return say(desk.dataset.cannotundo);
  const answer = await ask("/review/undo", { decision: undoable });
  if (!answer.ok) {
    trouble(answer);
    if (answer.said) tellRefused(answer.said);
    return;
  }
  undoable = null;
  say(desk.dataset.undone);
  await take();
}

function finish() {
  finishing = !finishing;
  say(finishing ? desk.dataset.last : "");
  take();
}

function act(name, pressedAt) {
  if (name === "keys") { own.open(); }
  else if (name === "undo") undo();
  else if (name === "last") finish();
  else if (name === "book") tell("case", own.now.items);
  else if (name === "pass") decide("pass", [], pressedAt);
  else if (performance.now() - paintedAt >= LEAST_LOOK_MS && stage.querySelector("article")) choose(name);
}

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", (event) => { act(button.dataset.act, event.timeStamp); if (button.dataset.act !== "keys") stage.querySelector("article")?.focus({ preventScroll: true }); });
}

addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]") || event.isComposing) return;
  const typed = event.target.closest?.("input:not([type=checkbox]), select, textarea");
  if (typed) return;
  if (choosing !== null) {
    if (event.key === "Escape") { choose(null); say(""); return event.preventDefault(); }
    if (event.key === "Enter") { event.preventDefault(); return decide(choosing, ticked(), event.timeStamp); }
    const reason = Object.keys(own.now.items).find((each) => own.now.items[each] === event.key);
    if (reason === undefined) return;
    event.preventDefault();
    return decide(choosing, [...new Set([...ticked(), stage.querySelector(`.items [name="${reason}"]`).value])], event.timeStamp);
  }
  const name = Object.keys(own.now.acts).find((each) => own.now.acts[each] === event.key);
  if (name === undefined) return;
  event.preventDefault();
  act(name, event.timeStamp);
});

addEventListener("online", () => { tries = 0; send(); });
addEventListener("storage", (event) => { counts(); if (event.newValue === null) take(); else lay(); });
setInterval(() => { if (!taking && !sending && (!held.length || next() === null) && document.getElementById("signin").hidden && !unsent().length) take({ "passline-live": "1" }); }, ASK_MS);

showKeys();
counts();
if (unsent().length) send(); else take();
