// The heart rate through one day, with sleep and workouts behind it.

const SLOT = 5; // minutes
const SOURCES = { a: "awake", r: "rest", s: "sleep", w: "workout", m: "session", l: "live", o: "other" };

// Less than this of a day is its beginning, such as the night that has just passed.
const HALF_A_DAY = 144; // slots

// The chosen day, or the last of which there is enough to see.
const heartDayOf = (day) => report.heartRate.find((one) => one.day === day)
  ?? report.heartRate.findLast((one) => numbersOf(one.bpm).filter(isKnown).length >= HALF_A_DAY)
  ?? report.heartRate.at(-1);

function heartPanel() {
  return panel("heart", {
    note: "heartNote",
    controls: (one) => (report.heartRate.length ? [dayStrip("heart-day", words.day,
      report.heartRate, heartDayOf(chosen.heartDay), heartThumbnail, (day) => {
        chosen.heartDay = day;
        one.redraw();
      })] : []),
    draw: drawHeart,
  });
}

// Each slot that was measured: { at (minutes from midnight), bpm, source }.
function slotsOf(one) {
  const sources = lettersOf(one.sources);
  return numbersOf(one.bpm).map((bpm, n) => (
    { at: (one.slot + n) * SLOT, bpm, source: SOURCES[sources[n]] ?? null }));
}

function heartThumbnail(one) {
  const slots = slotsOf(one);
  const known = slots.map((slot) => slot.bpm).filter(isKnown);
  const x = scale(0, 1440, 0, 72);
  const y = scale(Math.min(...known), Math.max(...known), 27, 1);
  return picture(72, 28, path(slots.map((slot) =>
    (isKnown(slot.bpm) ? [x(slot.at), y(slot.bpm)] : null)), "spark"));
}

function drawHeart(body) {
  const one = heartDayOf(chosen.heartDay);
  if (!one) return { summary: absence("heartrate") };
  const slots = slotsOf(one);
  const chart = html("div");
  body.append(chart);
  const workouts = allWorkouts().filter((workout) => workout.day === dayNumber(one.day));
  const exercises = workouts.length
    ? workouts.map((workout) => ({ from: workout.start, to: workout.start + workout.minutes }))
    : sourceRuns(slots, "workout");
  heartChart(chart, one, slots, workouts, exercises);
  body.append(legend([
    [swatch(line(0, 6, 18, 6, "heart")), words.heartRate],
    [square("asleep"), words.sources.sleep],
    ...(exercises.length ? [[square("exercise"), words.sources.workout]] : []),
  ]));
  return { summary: heartSummary(one, slots, workouts), table: heartTable(one, slots) };
}

// Runs of slots with the same source, as [from, to) in minutes.
function sourceRuns(slots, source) {
  const runs = [];
  for (const slot of slots.filter((one) => one.source === source)) {
    if (runs.at(-1)?.to === slot.at) runs.at(-1).to = slot.at + SLOT;
    else runs.push({ from: slot.at, to: slot.at + SLOT });
  }
  return runs;
}

function heartChart(chart, one, slots, workouts, exercises) {
  const width = widthOf(chart);
  const height = width < 500 ? 240 : 290;
  const known = slots.filter((slot) => isKnown(slot.bpm));
  const beats = known.map((slot) => slot.bpm);
  const steps = ticks(Math.min(...beats) - 2, Math.max(...beats) + 2, "number");
  const area = frame(width, height);
  const x = scale(0, 1440, area.left, area.right);
  const y = scale(steps[0], steps.at(-1), area.bottom, area.top);
  const behind = (from, to, style) => rect(
    round(x(from)), area.top, Math.max(1, round(x(Math.min(to, 1440)) - x(from))),
    area.bottom - area.top, style);
  const hours = hourTicks({ start: 0, end: 1440 }, width);

  const drawing = picture(width, height,
    sourceRuns(slots, "sleep").map((run) => behind(run.from, run.to, "asleep")),
    exercises.map((run) => behind(run.from, run.to, "exercise")),
    rowLines(area, steps, y, number),
    columnLabels(area, hours.map((minutes) => [x(minutes), clock(minutes)])),
    path(slots.map((slot) => (isKnown(slot.bpm) ? [x(slot.at + SLOT / 2), y(slot.bpm)] : null)), "heart"));

  withCursor(chart, drawing, {
    name: `${words.heartRate} ${longDate(dayNumber(one.day))}, ${words.time}`,
    count: known.length,
    start: 0,
    nearest: (place) => known.reduce((best, slot, n) =>
      Math.abs(x(slot.at) - place) < Math.abs(x(known[best].at) - place) ? n : best, 0),
    at: (n) => {
      const slot = known[n];
      const during = workouts.find((workout) =>
        slot.at + SLOT > workout.start && slot.at < workout.start + workout.minutes);
      return {
        x: x(slot.at + SLOT / 2),
        spots: [[x(slot.at + SLOT / 2), y(slot.bpm)]],
        title: clock(slot.at),
        lines: [
          `${number(slot.bpm)} ${words.bpm}`,
          ...(during ? [activityName(during.kind)] : slot.source ? [words.sources[slot.source]] : []),
        ],
      };
    },
  });
}

function heartSummary(one, slots, workouts) {
  const known = slots.filter((slot) => isKnown(slot.bpm));
  const awake = known.filter((slot) => slot.source !== "sleep");
  const lowest = known.reduce((a, b) => (b.bpm < a.bpm ? b : a));
  const highest = known.reduce((a, b) => (b.bpm > a.bpm ? b : a));
  return words.heartSummary({
    day: longDate(dayNumber(one.day)),
    lowest: number(lowest.bpm),
    lowestAt: clock(lowest.at),
    highest: number(highest.bpm),
    highestAt: clock(highest.at),
    awake: awake.length ? number(mean(awake.map((slot) => slot.bpm))) : null,
    measured: duration(known.length * SLOT),
    workouts: workouts.map((workout) =>
      words.named(activityName(workout.kind), `${clock(workout.start)}, ${duration(workout.minutes)}`)),
  });
}

function heartTable(one, slots) {
  return {
    name: `heart-rate-${one.day}`,
    columns: [
      { title: words.time, text: clock, csv: clock },
      { title: `${words.heartRate} (${words.bpm})`, isNumber: true },
      { title: words.source, text: (source) => words.sources[source] },
    ],
    rows: slots.filter((slot) => isKnown(slot.bpm))
      .map((slot) => [slot.at, slot.bpm, slot.source]),
  };
}
