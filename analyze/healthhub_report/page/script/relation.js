// Any two figures against each other, the second some days later.

const FEWEST_DAYS = 14;
const MANY_DAYS = 400;

function relationPanel() {
  const choose = (one, key) => (value) => {
    chosen[key] = value;
    one.redraw();
  };
  return panel("relation", {
    note: "relationNote",
    usesRange: true,
    controls: (one) => [
      metricPicker("x", words.x, chosen.x, choose(one, "x")),
      metricPicker("y", words.y, chosen.y, choose(one, "y")),
      html("div", { class: "field" },
        html("span", { "aria-hidden": "true" }, words.lag),
        choices("lag", words.lag, [0, 1, 2, 3].map((n) => [n, words.lagChoice(n)]), chosen.lag, choose(one, "lag"))),
    ],
    draw: drawRelation,
  });
}

function drawRelation(body) {
  const { from, to } = chosenDays();
  const points = daysFrom(from, to)
    .map((day) => ({ day, x: valueOn(chosen.x, day), y: valueOn(chosen.y, day + chosen.lag) }))
    .filter((point) => isKnown(point.x) && isKnown(point.y));
  if (points.length < FEWEST_DAYS) return { summary: words.relationFew(points.length) };
  const [across, up] = [metric(chosen.x), metric(chosen.y)];
  const found = correlation(points);
  const chart = html("div");
  body.append(chart);
  relationChart(chart, across, up, points, found);
  return {
    summary: found ? relationSummary(across, up, found) : words.relationFlat,
    table: {
      name: `${across.name}-${up.name}-${chosen.lag}`,
      columns: [
        dayColumn(words.day),
        amountColumn(words.metrics[across.name], across),
        amountColumn(`${words.metrics[up.name]} ${words.lagName(chosen.lag)}`, up),
      ],
      rows: points.toReversed().map((point) => [point.day, point.x, point.y]),
    },
  };
}

function relationChart(chart, across, up, points, found) {
  const width = Math.min(widthOf(chart), 720);
  const height = Math.round(Math.min(420, width * 0.75));
  const range = (name) => points.map((point) => point[name]);
  const columns = ticks(Math.min(...range("x")), Math.max(...range("x")), across.unit, width < 500 ? 3 : 5);
  const rows = ticks(Math.min(...range("y")), Math.max(...range("y")), up.unit);
  const area = frame(width, height, rows,
    columns.map((value) => [value, tickText(value, across, columns)]),
    { left: ["duration", "level"].includes(up.unit) ? 84 : 48, bottom: 42, top: 26 });
  const x = scale(columns[0], columns.at(-1), area.left + 6, area.right - 10);
  const y = scale(rows[0], rows.at(-1), area.bottom, area.top);
  const lag = chosen.lag ? ` ${words.lagName(chosen.lag)}` : "";

  const drawing = picture(width, height,
    rows.map((value) => [
      line(area.left, y(value), area.right, y(value), "grid"),
      label(area.left - 8, y(value) + 4, tickText(value, up, rows), "end"),
    ]),
    columns.map((value) => label(x(value), height - 24, tickText(value, across, columns), "middle")),
    label(area.left, 12, `↑ ${words.metrics[up.name]}${lag}`),
    label(area.right, height - 4, `${words.metrics[across.name]} →`, "end"),
    dots(points.map((point) => [x(point.x), y(point.y)]), points.length > MANY_DAYS ? "dots many" : "dots"),
    found ? fitLine(points, found, x, y) : null);
  chart.style.maxWidth = `${width}px`;
  withCursor(chart, drawing, {
    name: `${words.metrics[across.name]} / ${words.metrics[up.name]}, ${words.point}`,
    count: points.length,
    start: points.length - 1,
    nearest: (px, py) => {
      const distance = (point) => Math.hypot(x(point.x) - px, y(point.y) - py);
      const n = points.reduce((best, point, i) => (distance(point) < distance(points[best]) ? i : best), 0);
      return distance(points[n]) < 30 ? n : null;
    },
    at: (n) => ({
      x: x(points[n].x),
      spots: [[x(points[n].x), y(points[n].y)]],
      title: longDate(points[n].day),
      lines: [
        `${words.metrics[across.name]} ${amount(points[n].x, across)}`,
        `${words.metrics[up.name]}${lag} ${amount(points[n].y, up)}`,
      ],
    }),
  });
}

function fitLine(points, found, x, y) {
  const xs = points.map((point) => point.x);
  const ends = [Math.min(...xs), Math.max(...xs)];
  const at = (value) => found.intercept + found.slope * value;
  return line(x(ends[0]), y(at(ends[0])), x(ends[1]), y(at(ends[1])), "fit");
}

function relationSummary(across, up, found) {
  const verdict = found.from > 0 ? "up" : found.to < 0 ? "down" : "none";
  return words.relationSummary({
    x: words.metrics[across.name],
    y: words.metrics[up.name],
    lag: words.lagName(chosen.lag),
    r: number(found.r, 2),
    from: number(found.from, 2),
    to: number(found.to, 2),
    n: number(found.n),
    verdict: words.relationClear[verdict],
  });
}
