// A figure over time, with its means and the person's own normal.

// More days than this are a cloud of dots, and then the longer mean leads.
const CLOUD_FROM = 120;
const LONG_FROM = 400;

function trendsPanel() {
  return panel("trends", {
    note: "trendNote",
    usesRange: true,
    controls: (one) => [metricPicker("trend", words.metric, chosen.trend, (name) => {
      chosen.trend = name;
      one.redraw();
    })],
    draw: drawTrend,
  });
}

function drawTrend(body) {
  const item = metric(chosen.trend);
  const { from, to } = chosenDays();
  const days = daysFrom(from, to).map((day) => ({
    day, value: valueOn(item.name, day), ...baselineOn(item.name, day),
  }));
  const known = days.filter((one) => isKnown(one.value));
  if (!known.length) {
    const last = lastDayOf(item.name);
    return { summary: words.noneInRange(last === null ? null : mediumDate(last)) };
  }
  const chart = html("div");
  body.append(chart);
  trendChart(chart, item, days, known);
  body.append(html("div", { class: days.length < LONG_FROM ? null : "long" }, trendLegend()));
  return { summary: trendSummary(item, days, known), table: trendTable(item, known) };
}

function trendChart(chart, item, days, known) {
  const width = widthOf(chart);
  const height = width < 500 ? 230 : 290;
  const bounds = days.flatMap(({ value, mean28, spread }) =>
    mean28 === null ? [value] : [value, mean28 - spread, mean28 + spread]).filter(isKnown);
  const steps = ticks(Math.min(...bounds), Math.max(...bounds), item.unit);
  const [from, to] = [days[0].day, days.at(-1).day];
  const area = frame(width, height, { left: roomFor(item) });
  const x = scale(from, to, area.left + 4, area.right - 4);
  const y = scale(steps[0], steps.at(-1), area.bottom, area.top);
  const points = (name) => days.map((one) => isKnown(one[name]) ? [x(one.day), y(one[name])] : null);
  const daily = points("value");

  const drawing = picture(width, height,
    rowLines(area, steps, y, (value) => tickText(value, item, steps)),
    dayLabels(area, from, to, x),
    ...bands(days).map((run) => svg("path", {
      class: "band",
      d: `M${[
        ...run.map((one) => [x(one.day), y(one.mean28 + one.spread)]),
        ...run.toReversed().map((one) => [x(one.day), y(one.mean28 - one.spread)]),
      ].map((point) => point.map(round).join(" ")).join("L")}Z`,
    })),
    days.length < CLOUD_FROM ? path(daily, "daily") : null,
    dots(daily, days.length < CLOUD_FROM ? "dots" : "dots cloud"),
    path(points("mean28"), "mean-28"),
    path(points("mean7"), "mean-7"));

  if (days.length >= LONG_FROM) drawing.setAttribute("class", "long");
  withCursor(chart, drawing, {
    name: `${words.metrics[item.name]}, ${words.day}`,
    count: days.length,
    start: days.indexOf(known.at(-1)),
    nearest: (place) => Math.max(0, Math.min(days.length - 1,
      Math.round(scale(area.left + 4, area.right - 4, 0, days.length - 1)(place)))),
    at: (n) => {
      const one = days[n];
      return {
        x: x(one.day),
        spots: isKnown(one.value) ? [[x(one.day), y(one.value)]] : [],
        title: longDate(one.day),
        lines: [
          isKnown(one.value) ? amount(one.value, item) : words.noValue,
          ...(one.mean7 === null ? [] : [`${words.mean7} ${amount(one.mean7, item)}`]),
          ...(one.mean28 === null ? [] : [`${words.legend.band} ${normalText(item, one)}`]),
        ],
      };
    },
  });
}

// Runs of days that have a normal.
function bands(days) {
  const runs = [[]];
  for (const one of days) {
    if (one.mean28 === null) runs.push([]);
    else runs.at(-1).push(one);
  }
  return runs.filter((run) => run.length > 1);
}

const normalText = (item, one) => amounts(
  one.mean28 - one.spread, one.mean28 + one.spread, item);

function trendLegend() {
  return legend([
    [swatch(dots([[9, 6]], "dots")), words.legend.daily],
    [swatch(line(0, 6, 18, 6, "mean-7")), words.legend.mean7],
    [swatch(line(0, 6, 18, 6, "mean-28")), words.legend.mean28],
    [square("band"), words.legend.band],
  ]);
}

function trendSummary(item, days, known) {
  const lowest = known.reduce((a, b) => (b.value < a.value ? b : a));
  const highest = known.reduce((a, b) => (b.value > a.value ? b : a));
  const text = words.trendSummary({
    metric: words.metrics[item.name],
    from: mediumDate(days[0].day),
    to: mediumDate(days.at(-1).day),
    n: number(known.length),
    mean: amount(mean(known.map((one) => one.value)), item),
    lowest: amount(lowest.value, item),
    lowestDay: mediumDate(lowest.day),
    highest: amount(highest.value, item),
    highestDay: mediumDate(highest.day),
  });
  const { mean7, mean28 } = baselineOn(item.name, latest + 1);
  if (mean7 === null || mean28 === null) return text;
  return text + words.trendAgo({ now: amount(mean7, item), usual: amount(mean28, item) });
}

function trendTable(item, known) {
  return {
    name: item.name,
    columns: [
      dayColumn(words.day),
      amountColumn(words.metrics[item.name], item),
      amountColumn(words.mean7, item),
      amountColumn(words.mean28, item),
      amountColumn(words.low, item),
      amountColumn(words.high, item),
    ],
    rows: known.toReversed().map((one) => [
      one.day, one.value, one.mean7, one.mean28,
      one.mean28 === null ? null : one.mean28 - one.spread,
      one.mean28 === null ? null : one.mean28 + one.spread,
    ]),
  };
}
