// The data of the page, and what is chosen to be seen of them.

const report = JSON.parse(document.getElementById("data").textContent);

const chosen = {
  range: 90,
  trend: "sleep_score",
  calendar: "readiness_score",
  year: null, // the last
  night: null, // the last
  x: "total_sleep_duration",
  y: "readiness_score",
  lag: 0,
  figure: "average_hrv",
};

const today = dayNumber(report.today);
const firstDay = report.firstDay ? dayNumber(report.firstDay) : today;

const metric = (name) => report.metrics.find((item) => item.name === name);

const unpacked = new Map();

// The values of a metric, from the first day on; null where there is none.
function values(name) {
  if (!unpacked.has(name)) {
    const text = report.series[name];
    unpacked.set(name, text === undefined ? [] : text.split(",").map(
      (value) => (value === "" ? null : Number(value)),
    ));
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

// First and last day of the chosen range, which ends today.
function chosenDays() {
  const from = chosen.range ? today - chosen.range + 1 : firstDay;
  return { from: Math.min(from, today - 6), to: today };
}

function daysFrom(from, to) {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}

// Runs such as p120e2p9, back to a letter a day.
function statusesOf(coverage) {
  return coverage.runs.replace(/([a-z])(\d+)/g, (_, letter, count) =>
    letter.repeat(Number(count)));
}
