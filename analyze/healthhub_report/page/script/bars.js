// Bars over time: a day, a week or a month each, up and, for what has two sides, down.

// The days from first to last in days, weeks or months, so that the bars can be told
// apart; the first and the last may be a part of a week or month.
function binsOf(from, to, mostDays) {
  const span = to - from + 1;
  const startOf = span <= mostDays ? (day) => day
    : span <= mostDays * 8 ? (day) => day - weekday(day)
      : (day) => day - new Date(day * DAY).getUTCDate() + 1;
  const bins = [];
  for (const day of daysFrom(from, to)) {
    if (bins.length && startOf(day) === startOf(bins.at(-1).to)) bins.at(-1).to = day;
    else bins.push({ from: day, to: day });
  }
  return bins;
}

const binTitle = ({ from, to }) =>
  (from === to ? longDate(from) : words.between(shortDate(from), mediumDate(to)));

// bins: { from, to, up: [[style, minutes]], down: [[style, minutes]], lines: [text] },
// where nothing is known up and down are empty.
function barChart(chart, bins, name) {
  const width = widthOf(chart);
  const height = width < 500 ? 220 : 260;
  const total = (stack) => stack.reduce((sum, [, minutes]) => sum + minutes, 0);
  const most = Math.max(...bins.map((bin) => total(bin.up)), 1);
  const least = -Math.max(...bins.map((bin) => total(bin.down)), 0);
  const steps = ticks(least, most, "duration");
  const area = frame(width, height, { left: 84 });
  const x = scale(bins[0].from, bins.at(-1).to + 1, area.left, area.right);
  const y = scale(steps[0], steps.at(-1), area.bottom, area.top);

  const stacked = (bin, stack, sign) => {
    let at = 0;
    return stack.map(([style, minutes]) => {
      const [one, other] = [y(at), y(at + sign * minutes)];
      at += sign * minutes;
      const breadth = x(bin.to + 1) - x(bin.from);
      return rect(round(x(bin.from) + breadth * 0.1), round(Math.min(one, other)),
        round(breadth * 0.8), round(Math.abs(one - other)), style);
    });
  };
  const drawing = picture(width, height,
    rowLines(area, steps, y, (minutes) => duration(Math.abs(minutes))),
    dayLabels(area, bins[0].from, bins.at(-1).to, (day) => x(day + 0.5)),
    bins.map((bin) => [stacked(bin, bin.up, 1), stacked(bin, bin.down, -1)]),
    line(area.left, y(0), area.right, y(0), "axis"));
  withCursor(chart, drawing, {
    name,
    count: bins.length,
    start: bins.length - 1,
    nearest: (place) => bins.findLastIndex((bin, n) => n === 0 || x(bin.from) <= place),
    at: (n) => ({
      x: (x(bins[n].from) + x(bins[n].to + 1)) / 2,
      spots: [],
      title: binTitle(bins[n]),
      lines: bins[n].lines,
    }),
  });
}
