// A year as a calendar, for any figure.

function yearPanel() {
  return panel("year", {
    note: "yearNote",
    controls: (one) => [
      metricPicker("calendar", words.metric, chosen.calendar, (name) => {
        chosen.calendar = name;
        one.redraw();
      }),
      picker("year-choice", words.year, yearsOfData().map((year) => [year, year]), chosenYear(), (year) => {
        chosen.year = Number(year);
        one.redraw();
      }),
    ],
    draw: drawYear,
  });
}

const yearOf = (day) => new Date(day * DAY).getUTCFullYear();
const chosenYear = () => chosen.year ?? yearOf(latest);

function yearsOfData() {
  const [first, last] = [yearOf(firstDay), yearOf(latest)];
  return Array.from({ length: last - first + 1 }, (_, n) => last - n);
}

function drawYear(body) {
  const item = metric(chosen.calendar);
  const year = chosenYear();
  const days = daysFrom(Date.UTC(year, 0, 1) / DAY, Date.UTC(year, 11, 31) / DAY)
    .map((day) => ({ day, value: valueOn(item.name, day) }));
  const known = days.filter((one) => isKnown(one.value));
  const context = { metric: words.metrics[item.name], year };
  if (!hasValues(item.name)) return { summary: words.yearEmpty(context) };
  const colours = colouring(item);
  const chart = html("div");
  body.append(chart);
  yearChart(chart, item, days, colours);
  body.append(legend([
    ...colours.steps.map(([style, text]) => [square(style), text]),
    [square("none"), words.noValue],
  ]));
  if (!known.length) return { summary: words.yearEmpty(context) };
  return {
    summary: words.yearSummary({
      ...context,
      n: known.length,
      mean: amount(mean(known.map((one) => one.value)), item),
    }),
    table: {
      name: `${item.name}-${year}`,
      columns: [dayColumn(words.day), amountColumn(words.metrics[item.name], item)],
      rows: known.map((one) => [one.day, one.value]),
    },
  };
}

// Steps of colour over the middle nine tenths of all values; around zero for
// deviations.
function colouring(item) {
  const all = values(item.name).filter(isKnown);
  const isDeviation = item.unit === "celsius";
  const count = isDeviation ? 5 : 6;
  let [low, high] = [quantile(all, 0.05), quantile(all, 0.95)];
  if (isDeviation) {
    high = Math.max(Math.abs(low), Math.abs(high)) || 1;
    low = -high;
  }
  const size = (high - low) / count || 1;
  const kind = isDeviation ? "div" : "seq";
  const step = (value) => Math.max(0, Math.min(count - 1, Math.floor((value - low) / size)));
  return {
    style: (value) => (isKnown(value) ? `${kind}-${step(value)}` : "none"),
    steps: Array.from({ length: count }, (_, n) => [
      `${kind}-${n}`,
      n === 0 ? `< ${amount(low + size, item)}` : `≥ ${amount(low + n * size, item)}`,
    ]),
  };
}

function yearChart(chart, item, days, colours) {
  const width = widthOf(chart);
  const columns = width < 520 ? 3 : width < 860 ? 4 : 6;
  const gap = width < 520 ? 12 : 20;
  const monthWidth = (width - gap * (columns - 1)) / columns;
  const cell = monthWidth / 7;
  const monthHeight = 20 + cell * 6 + gap;
  const height = monthHeight * (12 / columns);

  const places = days.map(({ day }) => {
    const date = new Date(day * DAY);
    const month = date.getUTCMonth();
    const first = day - date.getUTCDate() + 1;
    const place = weekday(first) + date.getUTCDate() - 1;
    return {
      x: (month % columns) * (monthWidth + gap) + (place % 7) * cell,
      y: Math.floor(month / columns) * monthHeight + 20 + Math.floor(place / 7) * cell,
    };
  });
  const months = Array.from({ length: 12 }, (_, month) => label(
    (month % columns) * (monthWidth + gap) + 1,
    Math.floor(month / columns) * monthHeight + 12,
    monthName(Date.UTC(2024, month, 1) / DAY), "start", "month",
  ));

  const drawing = picture(width, height, months, days.map(({ day, value }, n) => rect(
    round(places[n].x + 1), round(places[n].y + 1), round(cell - 2), round(cell - 2),
    colours.style(value), { rx: 3, opacity: day > today ? 0.4 : null },
  )));
  const start = Math.max(0, days.findLastIndex((one) => isKnown(one.value)));
  withCursor(chart, drawing, {
    name: `${words.metrics[item.name]}, ${words.yearLabel}`,
    count: days.length,
    start,
    nearest: (x, y) => {
      const n = places.findIndex((place) =>
        x >= place.x && x < place.x + cell && y >= place.y && y < place.y + cell);
      return n < 0 ? null : n;
    },
    at: (n) => ({
      x: places[n].x + cell / 2,
      spots: [],
      mark: rect(places[n].x + 1, places[n].y + 1, cell - 2, cell - 2, "chosen", { rx: 3 }),
      title: longDate(days[n].day),
      lines: [isKnown(days[n].value) ? amount(days[n].value, item) : words.noValue],
    }),
  });
}
