// What a score is made of: each part on a day, beside what is usual for the user.

const SCORE_STREAMS = {
  sleep_score: "daily_sleep",
  readiness_score: "daily_readiness",
  activity_score: "daily_activity",
  resilience_level: "daily_resilience",
};

// The parts of a score: { name, values }, of the days of report.contributors.
const partsOf = (score) => Object.entries(report.contributors.scores[score])
  .map(([name, text]) => ({ name, values: numbersOf(text) }));

// Which of the days have any part of a score.
const scoredDays = (score) => report.contributors.days
  .filter((_, n) => partsOf(score).some((part) => isKnown(part.values[n])));

function contributorsPanel() {
  return panel("contributors", {
    note: "contributorsNote",
    controls: (one) => [
      choices("score", words.score, Object.keys(SCORE_STREAMS)
        .map((score) => [score, words.scores[score]]), chosen.score, (score) => {
        chosen.score = score;
        one.build();
        one.section.querySelector("input[name=score]:checked").focus();
      }),
      dayPicker(one),
    ],
    draw: drawContributors,
  });
}

function dayPicker(one) {
  const days = scoredDays(chosen.score).toReversed();
  if (!days.length) return null;
  return picker("score-day", words.day, days.map((day) => [day, longDate(dayNumber(day))]),
    scoreDay(), (day) => {
      chosen.scoreDay = day;
      one.redraw();
    });
}

// The chosen day, or the last that has parts of the score.
function scoreDay() {
  const days = scoredDays(chosen.score);
  return days.includes(chosen.scoreDay) ? chosen.scoreDay : days.at(-1);
}

function drawContributors(body) {
  const day = scoreDay();
  if (!day) return { summary: absence(SCORE_STREAMS[chosen.score]) };
  const place = report.contributors.days.indexOf(day);
  const parts = partsOf(chosen.score).map((part) => {
    const others = part.values.filter((value, n) => n !== place && isKnown(value));
    return {
      ...part,
      value: part.values[place],
      usual: others.length >= FEWEST_DAYS ? mean(others) : null,
    };
  });
  body.append(html("ul", { class: "rows parts" }, parts.map((part) => html("li", {},
    html("span", {}, words.parts[part.name]),
    html("div", {}, partBar(part)),
    html("div", {}, sparkline(part.values, place)),
    html("span", { class: "soft" }, partText(part))))));
  body.append(legend([
    [square("inside"), words.partOn(mediumDate(dayNumber(day)))],
    [swatch(line(9, 0, 9, 12, "usual-tick")), words.partUsual],
  ]));
  return { summary: contributorsSummary(day, parts), table: contributorsTable(parts) };
}

function partText({ value, usual }) {
  if (!isKnown(value)) return words.noValue;
  return usual === null ? number(value) : words.partText(number(value), number(usual));
}

function partBar({ value, usual }) {
  const drawing = svg("svg", {
    viewBox: "0 0 100 14", height: 14, preserveAspectRatio: "none", "aria-hidden": "true",
  });
  drawing.append(rect(0, 3, 100, 8, "none"));
  if (isKnown(value)) drawing.append(rect(0, 3, value, 8, "inside"));
  if (usual !== null) drawing.append(line(usual, 0, usual, 14, "usual-tick"));
  return drawing;
}

// The days up to now, and which of them is looked at.
function sparkline(numbers, place) {
  const days = report.contributors.days.map(dayNumber);
  const x = scale(days[0], days.at(-1), 3, 117);
  const y = scale(0, 100, 21, 3);
  const points = numbers.map((value, n) => (isKnown(value) ? [x(days[n]), y(value)] : null));
  return picture(120, 24,
    path(points, "spark"),
    points[place] ? svg("circle", { cx: points[place][0], cy: points[place][1], r: 3, class: "inside" }) : null);
}

function contributorsSummary(day, parts) {
  const item = metric(chosen.score);
  const score = valueOn(chosen.score, dayNumber(day));
  const known = parts.filter((part) => isKnown(part.value));
  const sorted = known.toSorted((a, b) => a.value - b.value);
  const [lowest, highest] = [sorted[0], sorted.at(-1)]
    .map((part) => words.named(words.parts[part.name], number(part.value)));
  return words.contributorsSummary({
    day: longDate(dayNumber(day)),
    score: words.metrics[chosen.score],
    value: score === null ? null : amount(score, item),
    lowest: known.length > 1 && sorted[0].value < sorted.at(-1).value ? lowest : null,
    highest,
  });
}

function contributorsTable(parts) {
  const { days } = report.contributors;
  return {
    name: `parts-${chosen.score}`,
    columns: [
      dayColumn(words.day),
      ...parts.map((part) => ({ title: words.parts[part.name], isNumber: true })),
    ],
    rows: days
      .map((day, n) => [dayNumber(day), ...parts.map((part) => part.values[n])])
      .filter(([, ...found]) => found.some(isKnown))
      .toReversed(),
  };
}
