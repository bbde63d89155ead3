// The data of the page, and what is chosen to be seen of them.

const report = JSON.parse(document.getElementById("data").textContent);

const chosen = {
  range: 90,
  trend: "sleep_score",
  calendar: "readiness_score",
  year: null, // the last
  night: null, // the last
  heartDay: null, // the last
  score: "sleep_score",
  scoreDay: null, // the last
  x: "total_sleep_duration",
  y: "readiness_score",
  lag: 0,
  figure: "average_hrv",
};

const today = dayNumber(report.today);
const firstDay = report.firstDay ? dayNumber(report.firstDay) : today;

const metric = (name) => report.metrics.find((item) => item.name === name);

// Runs such as p120e2p9, back to letters.
const lettersOf = (runs) => runs.replace(/([a-z-])(\d+)/g, (_, letter, count) =>
  letter.repeat(Number(count)));

// Numbers between commas; null where there is none.
const numbersOf = (text) => text.split(",").map(
  (value) => (value === "" ? null : Number(value)));

const unpacked = new Map();

// The values of a metric, from the first day on; null where there is none.
function values(name) {
  if (!unpacked.has(name)) {
    const text = report.series[name];
    unpacked.set(name, text === undefined ? [] : numbersOf(text));
  }
  return unpacked.get(name);
}

const valueOn = (name, day) => values(name)[day - firstDay] ?? null;
const baselineOn = (name, day) => baseline(values(name), day - firstDay);

// The last day with a value, or null.
function lastDayOf(name) {
  const index = values(name).findLastIndex(isKnown);
  return index < 0 ? null : firstDay + index;
}

const hasValues = (name) => lastDayOf(name) !== null;

// After so many days without a value there is nothing of today to show.
const STALE_AFTER = 2;

// The last day of which anything is known; of a ring that was put away, the page
// shows the time up to then.
const lastDay = report.days
  ? Math.max(firstDay, ...report.metrics.map((item) => lastDayOf(item.name) ?? firstDay))
  : today;
const isPutAway = report.days > 0 && today - lastDay > STALE_AFTER;
const latest = isPutAway ? lastDay : today;

// Without the route of a figure that would be shown first, another one is.
function chooseKnown() {
  const known = (report.metrics ?? []).filter((item) => hasValues(item.name));
  for (const key of ["trend", "calendar", "x", "y"]) {
    if (known.length && !hasValues(chosen[key])) chosen[key] = known[key === "y" ? known.length - 1 : 0].name;
  }
}

// First and last day of the chosen range, which ends with the latest day.
function chosenDays() {
  const from = chosen.range ? latest - chosen.range + 1 : firstDay;
  return { from: Math.min(from, latest - 6), to: latest };
}

function daysFrom(from, to) {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}
