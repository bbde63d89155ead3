// Workouts: how much of them, which, and each one.

const INTENSITIES = { e: "easy", m: "moderate", h: "hard" };

let knownWorkouts = null;

// Each workout, the oldest first.
function allWorkouts() {
  knownWorkouts ??= report.workouts ? unpackWorkouts(report.workouts) : [];
  return knownWorkouts;
}

function unpackWorkouts({ firstDay: first, kinds, intensity, ...columns }) {
  const [days, kind, start, minutes, calories, distance] =
    ["day", "kind", "start", "minutes", "calories", "distance"].map((name) => numbersOf(columns[name]));
  let day = dayNumber(first);
  return days.map((passed, n) => {
    day += passed;
    return {
      day,
      kind: kinds[kind[n]],
      intensity: INTENSITIES[intensity[n]] ?? null,
      start: start[n],
      minutes: minutes[n] ?? 0, // one that was not ended has no length
      calories: calories[n],
      distance: distance[n],
    };
  });
}

function activityName(kind) {
  if (!kind) return words.activityUnknown;
  const code = kind.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const plain = code.replaceAll("_", " ").trim();
  return words.activities[code] ?? plain.charAt(0).toUpperCase() + plain.slice(1);
}

function workoutsPanel() {
  return panel("workouts", { note: "workoutsNote", usesRange: true, draw: drawWorkouts });
}

function drawWorkouts(body) {
  const last = allWorkouts().at(-1);
  if (!last) return { summary: absence("workout") };
  const { from, to } = chosenDays();
  const workouts = allWorkouts().filter((one) => one.day >= from && one.day <= to);
  if (!workouts.length) return { summary: words.noneInRange(mediumDate(last.day)) };
  const chart = html("div");
  body.append(chart);
  barChart(chart, binsOf(from, to, 60).map((bin) => workoutBin(bin, workouts)),
    `${words.titles.workouts}, ${words.day}`);
  body.append(legend([...Object.values(INTENSITIES), null]
    .filter((intensity) => workouts.some((one) => one.intensity === intensity))
    .map((intensity) => [square(intensityStyle(intensity)), words.intensities[intensity ?? "unknown"]])));
  body.append(html("p", { class: "summary" }, workoutsSummary(workouts, from, to)), kindRows(workouts));
  body.append(...shortTable(words.workoutsEach, workoutColumns(), workouts.toReversed().map((one) => [
    one.day, one.start, activityName(one.kind), one.intensity, one.minutes, one.distance, one.calories,
  ]), "workouts", { isWide: true }));
  return {};
}

const intensityStyle = (intensity) => `effort-${intensity ?? "unknown"}`;

const minutesOf = (workouts) => workouts.reduce((sum, one) => sum + one.minutes, 0);

function workoutBin(bin, workouts) {
  const inside = workouts.filter((one) => one.day >= bin.from && one.day <= bin.to);
  const up = [...Object.values(INTENSITIES), null]
    .map((intensity) => [
      intensityStyle(intensity),
      minutesOf(inside.filter((one) => one.intensity === intensity)),
    ])
    .filter(([, minutes]) => minutes);
  const kinds = byKind(inside).map((one) => words.countOf(activityName(one.kind), number(one.count)));
  return {
    ...bin,
    up,
    down: [],
    lines: inside.length ? [duration(minutesOf(inside)), ...kinds] : [words.noWorkout],
  };
}

// Kinds of workouts with their sums, the longest first.
function byKind(workouts) {
  const kinds = new Map(workouts.map((one) => [one.kind, []]));
  for (const one of workouts) kinds.get(one.kind).push(one);
  return [...kinds].map(([kind, ones]) => ({
    kind,
    count: ones.length,
    minutes: minutesOf(ones),
    metres: ones.reduce((sum, one) => sum + (one.distance ?? 0), 0),
  })).toSorted((a, b) => b.minutes - a.minutes);
}

function kindRows(workouts) {
  const kinds = byKind(workouts);
  const most = kinds[0].minutes || 1;
  return html("ul", { class: "rows" }, kinds.map((one) => html("li", {},
    html("span", {}, activityName(one.kind)),
    html("div", {}, kindBar(one.minutes / most)),
    html("span", { class: "soft" }, [
      words.times(number(one.count)), duration(one.minutes), ...(one.metres ? [kilometres(one.metres)] : []),
    ].join(" · ")))));
}

function kindBar(share) {
  const drawing = svg("svg", {
    viewBox: "0 0 100 8", height: 8, preserveAspectRatio: "none", "aria-hidden": "true",
  });
  drawing.append(rect(0, 0, 100 * share, 8, "inside"));
  return drawing;
}

const kilometres = (metres) => `${number(metres / 1000, 1)}\u00a0km`;

const workoutColumns = () => [
  dayColumn(words.day),
  { title: words.startTime, text: clock, csv: clock },
  { title: words.activity },
  { title: words.intensity, text: (intensity) => words.intensities[intensity] },
  { title: words.length, text: duration, isNumber: true },
  { title: words.distance, text: (metres) => (metres ? kilometres(metres) : ""), isNumber: true },
  { title: words.energy, text: (kcal) => `${number(kcal)}\u00a0${words.units.kcal}`, isNumber: true },
];

function workoutsSummary(workouts, from, to) {
  const weeks = (to - Math.max(from, firstDay) + 1) / 7;
  return words.workoutsSummary({
    n: workouts.length,
    total: duration(minutesOf(workouts)),
    days: number(new Set(workouts.map((one) => one.day)).size),
    weekly: weeks >= 2 ? number(workouts.length / weeks, 1) : null,
  });
}
