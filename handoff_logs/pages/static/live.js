// Keeps a page's figures up to date: asks for the page again and puts its live part in place of the one that is shown.
// Without an answer they stay, and the style sheet says that they are old.
const PATIENCE_MS = 8_000, OLD_S = 10;
const live = () => document.getElementById("live");
let putAt = performance.now(), putOn = Date.now();

// The clock that stands still while a computer sleeps, or the one that people set: whichever went further.
const sincePutS = () => Math.max(performance.now() - putAt, Date.now() - putOn) / 1_000;

async function look() {
  try {
    const answer = await fetch(live().dataset.live, {
      headers: { "Passline-Live": "1" }, redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.type === "opaqueredirect") location.assign(live().dataset.live); // signed out, or no display any more
    else if (answer.ok) put(await answer.text());
  } catch { /* the server is silent */ }
}

function put(page) {
  const old = live(), fresh = new DOMParser().parseFromString(page, "text/html").getElementById("live");
  if (fresh === null) return;
  // Another program answers, or in another language: its whole page is needed.
  if (fresh.dataset.run !== old.dataset.run) return location.assign(old.dataset.live);
  // What somebody is about to press must not become something else under their hand.
  if (old.querySelector("form:hover, form :focus") !== null) return;
  for (const kept of old.querySelectorAll("[data-keep]")) fresh.querySelector(`#${kept.id}`)?.replaceWith(kept);
  const scrolled = [...old.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
  old.replaceWith(document.adoptNode(fresh));
  [...fresh.querySelectorAll(".scroll")].forEach((each, place) => { each.scrollLeft = scrolled[place] ?? 0; });
  putAt = performance.now();
  putOn = Date.now();
  document.dispatchEvent(new Event("live"));
}

function lasting(seconds) {
  const parts = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]].map(([name, size]) => {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    return count ? `${count} ${name}` : "";
  });
  return parts.filter(Boolean).slice(0, 2).join(" ");
}

setInterval(() => {
  const age = live().querySelector("[data-age]"), seconds = Number(age.dataset.age) + sincePutS();
  age.textContent = lasting(seconds);
  if (seconds >= OLD_S) live().classList.add("is-old");
}, 1_000);

async function follow() {
  await look();
  setTimeout(follow, Number(live().dataset.every));
}
setTimeout(follow, Number(live().dataset.every));
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
