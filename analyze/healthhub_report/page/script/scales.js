// From values to places, and where the ticks go.

const scale = (from, to, start, end) => (value) =>
  start + ((value - from) / (to - from || 1)) * (end - start);

// Round values that cover a range; durations step by quarters and hours.
function ticks(low, high, unit, count = 4) {
  if (unit === "level") {
    const [from, to] = [Math.max(1, Math.floor(low)), Math.min(report.levels.length, Math.ceil(high))];
    return Array.from({ length: to - from + 1 }, (_, n) => from + n);
  }
  const rough = (high - low) / count || 1;
  const sizes = unit === "duration"
    ? [5, 10, 15, 30, 60, 120, 180, 240, 360, 480]
    : [1, 2, 2.5, 5, 10].map((n) => n * 10 ** Math.floor(Math.log10(rough)));
  const step = sizes.find((size) => size >= rough * 0.999) ?? sizes.at(-1);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, n) => (first + n) * step);
}

// How a tick is written: with as many decimals as the steps need.
function tickText(value, metric, steps) {
  if (metric.unit === "duration") return duration(value);
  if (metric.unit === "level") return amount(value, metric);
  const step = steps.length > 1 ? steps[1] - steps[0] : 1;
  const digits = Math.max(0, Math.min(2, -Math.floor(Math.log10(step) + 1e-9)));
  const needed = Number.isInteger(step * 10 ** digits) ? digits : digits + 1;
  return number(value, needed, metric.unit === "celsius");
}

// Days with a label, as many as there is room for.
function dayTicks(from, to, width) {
  const room = Math.max(2, Math.floor(width / 80));
  const span = to - from + 1;
  if (span <= room * 14) {
    const step = 7 * Math.max(1, Math.round(span / 7 / room));
    return daysFrom(from, to)
      .filter((day) => (to - day) % step === 0)
      .map((day) => [day, shortDate(day)]);
  }
  const step = [1, 2, 3, 4, 6, 12, 24, 36].find((n) => span / 30.4 / n <= room) ?? 60;
  return daysFrom(from, to)
    .map((day) => new Date(day * DAY))
    .filter((date) => date.getUTCDate() === 1
      && (date.getUTCFullYear() * 12 + date.getUTCMonth()) % step === 0)
    .map((date) => {
      const day = date.getTime() / DAY;
      return [day, date.getUTCMonth() === 0 ? yearName(day) : monthName(day)];
    });
}

// Where a chart is drawn: beside the labels of its rows, above those of its columns.
const frame = (width, height, { left = 48, bottom = 22, top = 12 } = {}) =>
  ({ left, right: width - 8, top, bottom: height - bottom, width, height });

// What needs words needs more room at the left.
const roomFor = (metric) => (["duration", "level"].includes(metric.unit) ? 84 : 48);

const rowLines = (area, rows, y, textOf) => rows.map((value) => [
  line(area.left, y(value), area.right, y(value), "grid"),
  label(area.left - 8, y(value) + 4, textOf(value), "end"),
]);

// The labels below a chart, [x, text] from left to right. None leaves the chart, and
// from the last one back each that would touch the next is left out.
function columnLabels(area, columns, y = area.height - 4) {
  const shown = [];
  let free = area.width;
  for (const [x, text] of columns.toReversed()) {
    const breadth = textWidth(text);
    const middle = Math.min(Math.max(x, breadth / 2, area.left + breadth / 2 - 8), area.width - breadth / 2);
    if (middle + breadth / 2 > free) continue;
    shown.push(label(round(middle), y, text, "middle"));
    free = middle - breadth / 2 - 8;
  }
  return shown;
}

const pencil = document.createElement("canvas").getContext("2d");

function textWidth(text) {
  pencil.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return pencil.measureText(text).width;
}

const dayLabels = (area, from, to, x) => columnLabels(area,
  dayTicks(from, to, area.right - area.left).map(([day, text]) => [x(day), text]));
