// One night at a time: its stages, with heart rate and its variability below.

const STAGES = { 4: "awake", 3: "rem", 2: "light", 1: "deep" };
const LEVELS = ["awake", "rem", "light", "deep"]; // from the top

function nightsPanel() {
  return panel("nights", {
    note: "nightNote",
    controls: (one) => (report.nights.length ? [thumbnails(one)] : []),
    draw: drawNight,
  });
}

const nightOf = (day) => report.nights.find((night) => night.day === day) ?? report.nights.at(-1);

function thumbnails(one) {
  return dayStrip("night", words.night, report.nights, nightOf(chosen.night), thumbnail, (day) => {
    chosen.night = day;
    one.redraw();
  });
}

function thumbnail(night) {
  const x = scale(0, night.stages.length || 1, 0, 72);
  return picture(72, 28, stageRuns(night).map(({ stage, from, to }) =>
    rect(x(from), LEVELS.indexOf(stage) * 7, x(to) - x(from), 7, stage)));
}

// Runs of the same stage, as [from, to) in samples.
function stageRuns(night) {
  const runs = [];
  [...night.stages].forEach((code, n) => {
    const stage = STAGES[code];
    if (runs.at(-1)?.stage === stage && runs.at(-1).to === n) runs.at(-1).to = n + 1;
    else if (stage) runs.push({ stage, from: n, to: n + 1 });
  });
  return runs;
}

function drawNight(body) {
  const night = nightOf(chosen.night);
  if (!night) return { summary: words.noNights };
  const chart = html("div");
  body.append(chart);
  nightChart(chart, night);
  const origin = night.isAsInApp ? words.stagesAsInApp : words.stagesAsRecorded;
  body.append(html("p", { class: "soft" }, night.stages ? origin : words.noStages));
  return { summary: nightSummary(night), table: nightTable(night) };
}

const samplesOf = (recording) => (recording
  ? recording.values.split(",").map((text, n) => ({
    at: recording.start + n * recording.step,
    value: text === "" ? null : Number(text),
  })) : []);

function nightChart(chart, night) {
  const width = widthOf(chart);
  const height = 330;
  const left = 56;
  const x = scale(night.start, night.end, left, width - 8);
  const level = (stage) => 8 + LEVELS.indexOf(stage) * 30;
  const at = (sample) => Math.min(night.start + sample * 5, night.end);
  const runs = stageRuns(night);
  const lanes = [
    lane(night.heart_rate, words.heartRate, words.bpm, "heart", 150, 64),
    lane(night.hrv, words.hrv, words.ms, "hrv", 246, 56),
  ];

  const drawing = picture(width, height,
    LEVELS.map((stage) => [
      line(left, level(stage) + 12, width - 8, level(stage) + 12, "grid"),
      label(left - 8, level(stage) + 16, words.stages[stage], "end"),
    ]),
    path(runs.flatMap((run) => [
      [x(at(run.from)), level(run.stage) + 12], [x(at(run.to)), level(run.stage) + 12],
    ]), "stairs"),
    runs.map((run) => rect(
      x(at(run.from)), level(run.stage) + 3,
      Math.max(1, x(at(run.to)) - x(at(run.from))), 18, run.stage, { rx: 3 },
    )),
    lanes.map((one) => one.draw(x, width, left)),
    hourTicks(night, width).map((minutes) => [
      line(x(minutes), height - 22, x(minutes), height - 18, "axis"),
      label(x(minutes), height - 4, clock(minutes), "middle"),
    ]));

  const count = Math.max(1, Math.ceil((night.end - night.start) / 5));
  withCursor(chart, drawing, {
    name: `${words.night} ${longDate(dayNumber(night.day))}, ${words.time}`,
    count,
    start: 0,
    nearest: (place) => Math.max(0, Math.min(count - 1,
      Math.floor(scale(left, width - 8, 0, count)(place)))),
    at: (n) => {
      const minutes = night.start + n * 5;
      const found = lanes.map((one) => one.near(minutes + 2.5)).filter(Boolean);
      return {
        x: x(Math.min(minutes + 2.5, night.end)),
        spots: found.map((one) => [x(one.at), one.y]),
        title: clock(minutes),
        lines: [
          ...(STAGES[night.stages[n]] ? [words.stages[STAGES[night.stages[n]]]] : []),
          ...found.map((one) => one.text),
        ],
      };
    },
  });
}

// A recording below the stages, with its own small scale.
function lane(recording, title, unit, style, top, height) {
  const samples = samplesOf(recording);
  const known = samples.map((one) => one.value).filter(isKnown);
  if (!known.length) return { draw: () => null, near: () => null };
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const y = scale(low, high === low ? low + 1 : high, top + height, top);
  return {
    near: (minutes) => {
      const one = samples[Math.round((minutes - recording.start) / recording.step)];
      return one && isKnown(one.value)
        ? { at: one.at, y: y(one.value), text: `${title} ${number(one.value)} ${unit}` }
        : null;
    },
    draw: (x, width, left) => [
      line(left, top, width - 8, top, "grid"),
      line(left, top + height, width - 8, top + height, "grid"),
      label(left - 8, top + 5, number(high), "end"),
      label(left - 8, top + height + 4, number(low), "end"),
      label(left - 8, top + height / 2 + 4, unit, "end"),
      path(samples.map((one) => isKnown(one.value) ? [x(one.at), y(one.value)] : null), style),
      label(left + 4, top - 5, title),
    ],
  };
}

function hourTicks(night, width) {
  const room = Math.max(2, Math.floor((width - 60) / 60));
  const step = 60 * Math.max(1, Math.ceil((night.end - night.start) / 60 / room));
  const first = Math.ceil((night.start + 20) / step) * step;
  const found = [];
  for (let at = first; at <= night.end - 10; at += step) found.push(at);
  return found;
}

function nightSummary(night) {
  const day = dayNumber(night.day);
  const time = (name) => {
    const value = valueOn(name, day);
    return value === null ? "–" : duration(value);
  };
  return words.nightSummary({
    day: longDate(day),
    start: clock(night.start),
    end: clock(night.end),
    asleep: time("total_sleep_duration"),
    deep: time("deep_sleep_duration"),
    rem: time("rem_sleep_duration"),
    light: time("light_sleep_duration"),
    awake: time("awake_time"),
  }) + words.naps(night.naps);
}

function nightTable(night) {
  const near = (recording, minutes) => recording
    ? samplesOf(recording)[Math.round((minutes - recording.start) / recording.step)]?.value ?? null
    : null;
  const count = Math.ceil((night.end - night.start) / 5);
  return {
    name: `night-${night.day}`,
    columns: [
      { title: words.time, text: clock, csv: clock },
      { title: words.stage },
      { title: `${words.heartRate} (${words.bpm})`, isNumber: true },
      { title: `${words.hrv} (${words.ms})`, isNumber: true },
    ],
    rows: Array.from({ length: count }, (_, n) => night.start + n * 5).map((minutes, n) => [
      minutes,
      words.stages[STAGES[night.stages[n]]] ?? null,
      near(night.heart_rate, minutes + 2.5),
      near(night.hrv, minutes + 2.5),
    ]),
  };
}
