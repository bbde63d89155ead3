// Bedtime and getting up over the weeks.

// More nights than this are shown by the week.
const MOST_NIGHTS = 200;

function rhythmPanel() {
  return panel("rhythm", { note: "rhythmNote", usesRange: true, draw: drawRhythm });
}

function drawRhythm(body) {
  const { from, to } = chosenDays();
  const nights = daysFrom(from, to)
    .map((day) => ({ day, bed: valueOn("bedtime", day), wake: valueOn("wake_time", day) }))
    .filter((night) => isKnown(night.bed) && isKnown(night.wake));
  if (!nights.length) {
    const last = lastDayOf("wake_time");
    return { summary: words.noneInRange(last === null ? null : mediumDate(last)) };
  }
  const isWeekly = to - from + 1 > MOST_NIGHTS;
  const entries = isWeekly ? weeksOf(nights) : nights;
  const chart = html("div");
  body.append(chart);
  rhythmChart(chart, nights, entries, isWeekly, { from, to });
  return {
    summary: rhythmSummary(nights),
    table: {
      name: "rhythm",
      columns: [
        dayColumn(words.day),
        { title: words.bedtime, text: clock, csv: clock, isNumber: true },
        { title: words.wakeTime, text: clock, csv: clock, isNumber: true },
      ],
      rows: nights.toReversed().map((night) => [night.day, night.bed, night.wake]),
    },
  };
}

// Means of the weeks, each on its Monday.
function weeksOf(nights) {
  const weeks = new Map();
  for (const night of nights) {
    const monday = night.day - weekday(night.day);
    if (!weeks.has(monday)) weeks.set(monday, []);
    weeks.get(monday).push(night);
  }
  return [...weeks].map(([day, week]) => ({
    day, bed: mean(week.map((night) => night.bed)), wake: mean(week.map((night) => night.wake)),
  }));
}

function rhythmChart(chart, nights, entries, isWeekly, { from, to }) {
  const width = widthOf(chart);
  const height = width < 500 ? 250 : 290;
  // A nap that stands for a missing night must not squeeze all others.
  const low = quantile(entries.map((one) => one.bed), 0.02);
  const high = quantile(entries.map((one) => one.wake), 0.98);
  const steps = ticks(Math.floor(low / 60 - 0.5) * 60, Math.ceil(high / 60 + 0.5) * 60, "duration", 6);
  const area = frame(width, height);
  const x = scale(from, to, area.left + 6, area.right - 6);
  const y = scale(steps[0], steps.at(-1), area.top, area.bottom);
  const inside = (minutes) => Math.max(area.top, Math.min(area.bottom, y(minutes)));
  const [bed, wake] = [median(nights.map((one) => one.bed)), median(nights.map((one) => one.wake))];
  const breadth = Math.max(1.5, Math.min(9, ((area.right - area.left) / (to - from + 1)) * 0.55));

  const shape = isWeekly
    ? svg("path", {
      class: "sleep-area",
      d: `M${[
        ...entries.map((one) => [x(one.day), inside(one.bed)]),
        ...entries.toReversed().map((one) => [x(one.day), inside(one.wake)]),
      ].map((point) => point.map(round).join(" ")).join("L")}Z`,
    })
    : svg("path", {
      class: "sleep-bar",
      "stroke-width": breadth,
      d: entries.map((one) => `M${round(x(one.day))} ${round(inside(one.bed))}V${round(inside(one.wake))}`).join(""),
    });

  const drawing = picture(width, height,
    rowLines(area, steps, y, clock),
    dayLabels(area, from, to, x),
    shape,
    [bed, wake].map((minutes) => line(area.left, y(minutes), area.right, y(minutes), "usual")));
  withCursor(chart, drawing, {
    name: `${words.titles.rhythm}, ${words.day}`,
    count: entries.length,
    start: entries.length - 1,
    nearest: (place) => entries.reduce((best, one, n) =>
      Math.abs(x(one.day) - place) < Math.abs(x(entries[best].day) - place) ? n : best, 0),
    at: (n) => ({
      x: x(entries[n].day),
      spots: [[x(entries[n].day), inside(entries[n].bed)], [x(entries[n].day), inside(entries[n].wake)]],
      title: isWeekly ? `${words.week} ${mediumDate(entries[n].day)}` : longDate(entries[n].day),
      lines: [
        `${words.bedtime} ${clock(entries[n].bed)}`,
        `${words.wakeTime} ${clock(entries[n].wake)}`,
      ],
    }),
  });
}

function rhythmSummary(nights) {
  const beds = nights.map((night) => night.bed);
  const wakes = nights.map((night) => night.wake);
  const text = words.rhythmSummary({
    bed: clock(median(beds)),
    wake: clock(median(wakes)),
    n: number(nights.length),
    bedSpread: duration(deviation(beds)),
    wakeSpread: duration(deviation(wakes)),
  });
  // The nights that end on Saturday and Sunday.
  const isWeekend = (night) => weekday(night.day) >= 5;
  const free = nights.filter(isWeekend);
  const other = nights.filter((night) => !isWeekend(night));
  if (free.length < 4 || other.length < 4) return text;
  const shift = (name) => {
    const minutes = Math.round(median(free.map((one) => one[name])) - median(other.map((one) => one[name])));
    if (Math.abs(minutes) < 5) return words.same;
    return minutes > 0 ? words.later(duration(minutes)) : words.earlier(duration(-minutes));
  };
  return text + words.weekend({ bed: shift("bed"), wake: shift("wake") });
}
