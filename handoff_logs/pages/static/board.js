// Draws the hours of the board. The figures are in a table, for those who have them read out too.
const chart = document.getElementById("chart"), dark = matchMedia("(prefers-color-scheme: dark)");
let drawn = "", plot = null;

function figures() {
  const rows = [...document.querySelectorAll("#hours tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
  return { labels: rows.map(([label]) => label), made: rows.map((row) => Number(row[1])), away: rows.map((row) => Number(row[2])) };
}

function draw() {
  const found = figures(), wide = chart.clientWidth, high = chart.clientHeight;
  const now = JSON.stringify([found, wide, high, getComputedStyle(document.documentElement).colorScheme, dark.matches]);
  if (now === drawn || !wide || !high) return;
  drawn = now;
  const colour = (name) => getComputedStyle(chart).getPropertyValue(name).trim();
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const font = `${rem * 1.05}px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: colour("--ink"), font, ticks: { show: false }, grid: { stroke: colour("--line"), width: 1 } };
  const places = found.labels.map((_, place) => place);
  // As many labels as there is room for, counted from the last, the hour under way.
  const step = Math.max(1, Math.ceil(Math.max(places.length, 8) * rem * 2.4 / (wide - rem * 5)));
  const labelled = places.filter((place) => (places.length - 1 - place) % step === 0);
  plot?.destroy();
  plot = new uPlot({
    width: wide, height: high, legend: { show: false }, cursor: { show: false }, padding: [rem * .6, rem * .4, 0, 0],
    scales: { x: { time: false, range: [-.6, Math.max(places.length, 8) - .4] }, y: { range: (_, __, most) => [0, Math.max(10, most * 1.1)] } },
    axes: [
      { ...axis, grid: { show: false }, size: rem * 2, splits: () => labelled, values: (_, shown) => shown.map((place) => found.labels[place] ?? ""), space: 1 },
      { ...axis, size: (_, shown) => rem * (1 + .68 * Math.max(2, ...(shown ?? []).map((label) => label.length))), space: rem * 2.6, values: (_, shown) => shown.map((value) => Number.isInteger(value) ? value.toLocaleString("en").replaceAll(",", "\u202f") : "") },
    ],
    series: [
      {},
      { fill: colour("--made"), stroke: colour("--made"), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [.72, rem * 4] }) },
      { stroke: colour("--away"), width: rem * .16, dash: [rem * .5, rem * .3], points: { show: true, size: rem * .55, fill: colour("--away"), stroke: colour("--away") } },
    ],
  }, [places, found.made, found.away], chart);
}

new ResizeObserver(draw).observe(chart);
document.addEventListener("live", draw);
dark.addEventListener("change", draw);
draw();
