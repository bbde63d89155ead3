// What is computed of the values. The baselines are those of healthhub.daily_overview.

const isKnown = (value) => value !== null && value !== undefined;

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function deviation(values) {
  if (values.length < 2) return 0;
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  const above = Math.ceil(place);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

const median = (values) => quantile(values, 0.5);

// Of the 7 and 28 days before a day, if at least 3 and 14 of them have a value.
function baseline(values, index) {
  const before = (days) =>
    values.slice(Math.max(0, index - days), Math.max(0, index)).filter(isKnown);
  const week = before(7);
  const month = before(28);
  const enough = month.length >= 14;
  return {
    days: month.length,
    mean7: week.length >= 3 ? mean(week) : null,
    mean28: enough ? mean(month) : null,
    spread: enough ? deviation(month) : null,
  };
}

// Pearson's r with Fisher's interval, and the line of least squares.
function correlation(points) {
  const n = points.length;
  const middleX = mean(points.map((point) => point.x));
  const middleY = mean(points.map((point) => point.y));
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (const { x, y } of points) {
    xx += (x - middleX) ** 2;
    yy += (y - middleY) ** 2;
    xy += (x - middleX) * (y - middleY);
  }
  if (xx === 0 || yy === 0) return null;
  const r = xy / Math.sqrt(xx * yy);
  const margin = 1.959964 / Math.sqrt(n - 3);
  const z = Math.atanh(Math.max(-0.999999, Math.min(0.999999, r)));
  const slope = xy / xx;
  return {
    n,
    r,
    from: Math.tanh(z - margin),
    to: Math.tanh(z + margin),
    slope,
    intercept: middleY - slope * middleX,
  };
}
