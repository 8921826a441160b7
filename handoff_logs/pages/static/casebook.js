// The casebook at the review desk: writes the case of the verdict just given, lays cases like what is suspected beside it,
// shows what a shift begins with. All of it after the application is painted: review.js says when (desk:painted,
// desk:decided, desk:case). The last application's picture is kept until the next verdict, to show what would be cut out.
const desk = document.getElementById("desk"), stage = document.getElementById("case"), said = document.getElementById("says");
const { code, token } = desk.dataset;
const SHOWN = `passline.casebook.${code}`, QUEUE = `passline.verdict.${code}.`;
const PATIENCE_MS = 10_000, AGAIN_MS = 1_000, TRIES = 20, WHOLE_PX = 96;
const LATER = { "passline-live": "1" }; // what nobody asked for keeps nobody signed in

let last = null, writing = null, known = null;

const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
const idle = (work) => (window.requestIdleCallback ?? ((each) => setTimeout(each, 60)))(work, { timeout: 2_000 });

async function piece(path, init = {}) {
  try {
    const answer = await fetch(path, { redirect: "manual", headers: LATER, signal: AbortSignal.timeout(PATIENCE_MS), ...init });
    return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html").body : null;
  } catch { return null; }
}

// Beside what is suspected.

async function beside(article) {
  const suspected = [...article.querySelectorAll(".told [data-reason]")];
  const facts = { token, reasons: suspected.map((each) => each.dataset.reason).join(" "), name: article.querySelector(".printed").textContent };
  const body = await piece("/casebook/similar", { method: "POST", body: new URLSearchParams(facts) });
  if (body === null || !article.isConnected) return;
  for (const found of body.querySelectorAll(".alikes")) {
    const line = suspected.find((each) => each.dataset.item === found.dataset.item);
    (line ?? article.querySelector(".told")).append(found);
  }
}

addEventListener("desk:painted", ({ detail: article }) => {
  if (article.dataset.beside) return;
  article.dataset.beside = "1";
  idle(() => { if (article.isConnected) beside(article); });
});

// The case of the verdict just given.

addEventListener("desk:decided", ({ detail: { verdict, article } }) => {
  last = verdict.outcome === "pass" ? null : { verdict, photo: article.querySelector(".photo"), signed: article.querySelector(".signature") !== null, name: article.querySelector(".printed").textContent };
});

async function form() {
  if (writing !== null) return writing;
  const body = await piece("/casebook/form");
  if (body === null) return null;
  writing = document.adoptNode(body.querySelector("#writing"));
  known = { ...JSON.parse(writing.dataset.known), none: body.querySelector("#none").content.textContent };
  delete writing.dataset.known;
  document.body.append(writing);
  writing.querySelector("#leave").addEventListener("click", () => writing.close());
  writing.addEventListener("keydown", choose);
  writing.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); send(); });
  writing.querySelector(".reasons").addEventListener("change", pieces);
  writing.addEventListener("close", () => stage.querySelector("article")?.focus({ preventScroll: true }));
  return writing;
}

function choice(name, value, key, shown) {
  const label = document.createElement("label"), input = document.createElement("input"), pressed = document.createElement("kbd");
  Object.assign(input, { type: "radio", name, value });
  input.dataset.key = pressed.textContent = key;
  label.append(input, " ", pressed, " ", ...shown);
  return label;
}

const chosen = (name) => writing.querySelector(`[name="${name}"]:checked`)?.value ?? "";
const item = () => known.items[known.reasons[chosen("reason")].item];

addEventListener("desk:case", async ({ detail: keys }) => {
  if (last === null) { said.textContent = (await form())?.dataset.none ?? ""; return; }
  const mine = last;
  if (await form() === null) { said.textContent = desk.dataset.away; return; }
  if (last !== mine) return;
  const reasons = writing.querySelector(".reasons");
  for (const label of reasons.querySelectorAll("label")) label.remove();
  for (const reason of mine.verdict.reasons) reasons.append(choice("reason", reason, keys[known.reasons[reason].item] ?? "", [known.reasons[reason].said]));
  reasons.querySelector("input").checked = true;
  writing.querySelector("form").reset();
  reasons.querySelector("input").checked = true;
  pieces();
  writing.showModal();
  reasons.querySelector("input").focus();
});

// What would be cut out, as coarse as it will be; of a signature, whose character.
function pieces() {
  const { regions, named } = item(), holder = writing.querySelector(".pieces"), letters = [...last.name];
  for (const label of holder.querySelectorAll("label")) label.remove();
  let offered = regions.filter((each) => each !== "character" || last.signed).flatMap((each) => each === "character" ? letters.map((letter, place) => ["character", place + 1, letter]) : [[each, "", ""]]);
  if (named && !regions.length) offered = letters.map((letter, place) => ["", place + 1, letter]);
  for (const [number, [region, place, letter]] of offered.entries()) {
    holder.append(choice("piece", `${region} ${place}`, String(number + 1), letter ? [spelled(letter)] : [cut(region), known.regions[region]]));
  }
  holder.append(choice("piece", " ", "0", [known.none]));
  // Which character of a name differed, its writer says.
  holder.querySelector(named ? "label:last-of-type input" : "input").checked = true;
  writing.querySelector(".name").hidden = !named;
}

function spelled(letter) {
  const shown = document.createElement("span");
  shown.className = "letter";
  shown.lang = "zh-CN";
  shown.textContent = letter;
  return shown;
}

function cut(region) {
  const { naturalWidth: w, naturalHeight: h } = last.photo, high = WHOLE_PX * h / w, shares = known.shares[region];
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  canvas.width = Math.round(shares.reduce((sum, [, , wide]) => sum + wide * WHOLE_PX, 0));
  canvas.height = Math.round(shares[0][3] * high);
  canvas.role = "img";
  canvas.ariaLabel = known.regions[region];
  pen.filter = region === "background" ? "none" : "grayscale(1)";
  pen.imageSmoothingQuality = "high";
  let left = 0;
  for (const [x, y, wide, tall] of shares) {
    pen.drawImage(last.photo, x * w, y * h, wide * w, tall * h, left, 0, wide * WHOLE_PX, tall * high);
    left += wide * WHOLE_PX;
  }
  return canvas;
}

// An item's key chooses its reason and writes it, where nothing is being typed; digits choose what is cut out.
function choose(event) {
  event.stopPropagation(); // the desk behind is no key's
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.matches("input:not([type=radio])")) return;
  if (event.key === "Enter" && !event.target.matches("button")) { event.preventDefault(); send(); return; }
  const reason = writing.querySelector(`.reasons input[data-key="${CSS.escape(event.key)}"]`);
  const cutOut = writing.querySelector(`.pieces input[data-key="${CSS.escape(event.key)}"]`);
  if (cutOut) { cutOut.checked = true; cutOut.focus(); event.preventDefault(); }
  else if (reason) { reason.checked = true; pieces(); event.preventDefault(); send(); }
}

async function send() {
  const [region, place] = chosen("piece").split(" "), { verdict } = last;
  const fields = writing.querySelector("form").elements;
  const facts = { token, case: newId(), decision: verdict.decision, reason: chosen("reason"), region, place, taken_for: item().named && place ? fields.taken_for.value : "", words: fields.words.value };
  writing.close();
  for (let tries = 0; tries < TRIES; tries++) {
    // A verdict that the server has not stored yet has no case yet.
    if (localStorage.getItem(QUEUE + verdict.decision) === null) {
      try {
        const answer = await fetch("/casebook/write", { method: "POST", body: new URLSearchParams(facts), redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) });
        if (answer.status < 500 && answer.type !== "opaqueredirect") { said.textContent = (await answer.json()).said; return; }
      } catch { /* again */ }
    }
    await new Promise((done) => setTimeout(done, tries ? AGAIN_MS : AGAIN_MS / 10));
  }
  said.textContent = writing.dataset.away;
}

// What a shift begins with, once.

async function today() {
  const body = await piece("/casebook/today");
  const dialog = body?.querySelector("#today");
  if (!dialog || dialog.dataset.count === "0" || localStorage.getItem(SHOWN) === dialog.dataset.shift || document.querySelector("dialog[open]")) return;
  document.body.append(document.adoptNode(dialog));
  dialog.addEventListener("close", () => { localStorage.setItem(SHOWN, dialog.dataset.shift); dialog.remove(); stage.querySelector("article")?.focus({ preventScroll: true }); });
  dialog.showModal();
}

idle(today);
