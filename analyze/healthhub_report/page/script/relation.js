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
  const [cloud, lines] = [html("div"), html("div")];
  body.append(html("div", { class: "beside" }, cloud, lines));
  relationChart(cloud, across, up, points, found);
  lines.append(...overTime(widthOf(lines), from, to, across, up));
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
  const width = widthOf(chart);
  const height = Math.round(Math.min(420, width * 0.75));
  const range = (name) => points.map((point) => point[name]);
  const columns = ticks(Math.min(...range("x")), Math.max(...range("x")), across.unit, width < 500 ? 3 : 5);
  const rows = ticks(Math.min(...range("y")), Math.max(...range("y")), up.unit);
  const area = frame(width, height, { left: roomFor(up), bottom: 42, top: 26 });
  const x = scale(columns[0], columns.at(-1), area.left + 6, area.right - 10);
  const y = scale(rows[0], rows.at(-1), area.bottom, area.top);
  const lag = chosen.lag ? ` ${words.lagName(chosen.lag)}` : "";

  const drawing = picture(width, height,
    rowLines(area, rows, y, (value) => tickText(value, up, rows)),
    columnLabels(area, columns.map((value) => [x(value), tickText(value, across, columns)]), height - 24),
    label(area.left, 12, `↑ ${words.metrics[up.name]}${lag}`),
    label(area.right, height - 4, `${words.metrics[across.name]} →`, "end"),
    dots(points.map((point) => [x(point.x), y(point.y)]), points.length > MANY_DAYS ? "dots many" : "dots"),
    found ? fitLine(points, found, x, y) : null);
  withCursor(chart, drawing, {
    name: `${words.metrics[across.name]} / ${words.metrics[up.name]}, ${words.day}`,
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

// The two, one above the other, so that rises and falls can be compared; the second
// is moved back by the lag.
function overTime(width, from, to, across, up) {
  const height = 130; // of each
  const area = { left: 0, right: width, width, height: height * 2 + 6 };
  const x = scale(from, to, 4, width - 4);
  const lanes = [[across, 0, "mean-7"], [up, chosen.lag, "heart"]].map(([item, lag, style], n) => {
    const points = daysFrom(from, to).map((day) => [day, baselineOn(item.name, day + lag + 1).mean7]);
    const known = points.map(([, value]) => value).filter(isKnown);
    if (!known.length) return [];
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const top = 24 + n * height;
    const y = scale(low, high === low ? low + 1 : high, top + height - 40, top);
    return [
      line(0, top + height - 40, width, top + height - 40, "grid"),
      label(0, top - 10, `${words.metrics[item.name]}${lag ? ` ${words.lagName(lag)}` : ""}`),
      label(width, top - 10, amounts(low, high, item), "end"),
      path(points.map(([day, value]) => (isKnown(value) ? [x(day), y(value)] : null)), style),
    ];
  });
  return [
    html("p", { class: "soft" }, words.overTime),
    picture(width, area.height, lanes, dayLabels(area, from, to, x)),
  ];
}

function fitLine(points, found, x, y) {
  const xs = points.map((point) => point.x);
  const ends = [Math.min(...xs), Math.max(...xs)];
  const at = (value) => found.intercept + found.slope * value;
  return line(x(ends[0]), y(at(ends[0])), x(ends[1]), y(at(ends[1])), "fit");
}

function relationSummary(across, up, found) {
  const verdict = found.from > 0 ? "up" : found.to < 0 ? "down" : "none";
  const strength = [0.1, 0.3, 0.5].filter((least) => Math.abs(found.r) >= least).length;
  return words.relationSummary({
    x: words.metrics[across.name],
    y: words.metrics[up.name],
    lag: words.lagName(chosen.lag),
    r: number(found.r, 2),
    from: number(found.from, 2),
    to: number(found.to, 2),
    n: number(found.n),
    verdict: words.relationClear[verdict](words.relationStrength[strength]),
  });
}
