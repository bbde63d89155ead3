// Stress and recovery, day by day: Oura passes on the time in the two highest zones.

const STRESS_WORDS = { r: "restored", n: "normal", s: "stressful" };

function stressPanel() {
  return panel("stress", { note: "stressNote", usesRange: true, draw: drawStress });
}

function drawStress(body) {
  const last = ["stress_high", "recovery_high"].map(lastDayOf).filter(isKnown);
  if (!last.length) return { summary: absence("daily_stress") };
  const { from, to } = chosenDays();
  const summaries = lettersOf(report.stress);
  const days = daysFrom(from, to).map((day) => ({
    day,
    stress: valueOn("stress_high", day),
    recovery: valueOn("recovery_high", day),
    word: STRESS_WORDS[summaries[day - firstDay]] ?? null,
  }));
  const known = days.filter((one) => isKnown(one.stress) || isKnown(one.recovery));
  if (!known.length) return { summary: words.noneInRange(mediumDate(Math.max(...last))) };
  const chart = html("div");
  body.append(chart);
  barChart(chart, binsOf(from, to, 100).map((bin) => stressBin(bin, known)),
    `${words.titles.stress}, ${words.day}`);
  body.append(legend([
    [square("stress-high"), `↑ ${words.metrics.stress_high}`],
    [square("recovery-high"), `↓ ${words.metrics.recovery_high}`],
  ]));
  return { summary: stressSummary(known), table: stressTable(known) };
}

// The mean of the values that there are, or null.
const meanOf = (entries, name) => {
  const found = entries.map((one) => one[name]).filter(isKnown);
  return found.length ? mean(found) : null;
};

function stressBin(bin, known) {
  const inside = known.filter((one) => one.day >= bin.from && one.day <= bin.to);
  const [stress, recovery] = ["stress", "recovery"].map((name) => meanOf(inside, name));
  const said = (name, value) => (value === null ? [] : [`${words.metrics[name]} ${duration(value)}`]);
  return {
    ...bin,
    up: stress === null ? [] : [["stress-high", stress]],
    down: recovery === null ? [] : [["recovery-high", recovery]],
    lines: inside.length ? [
      ...said("stress_high", stress),
      ...said("recovery_high", recovery),
      ...(bin.from !== bin.to ? [words.meanOfDays(number(inside.length))]
        : inside[0].word ? [words.stressWords[inside[0].word]] : []),
    ] : [words.noValue],
  };
}

function stressSummary(known) {
  const [stress, recovery] = ["stress", "recovery"].map((name) => meanOf(known, name));
  const counts = Object.values(STRESS_WORDS)
    .map((word) => [words.stressWords[word], known.filter((one) => one.word === word).length])
    .filter(([, count]) => count);
  return words.stressSummary({
    n: number(known.length),
    stress: stress === null ? null : duration(stress),
    recovery: recovery === null ? null : duration(recovery),
    counts: counts.map(([word, count]) => words.countOf(word, number(count))).join(comma()),
  });
}

function stressTable(known) {
  return {
    name: "stress",
    columns: [
      dayColumn(words.day),
      amountColumn(words.metrics.stress_high, metric("stress_high")),
      amountColumn(words.metrics.recovery_high, metric("recovery_high")),
      { title: words.stressWord, text: (word) => words.stressWords[word] },
    ],
    rows: known.toReversed().map((one) => [one.day, one.stress, one.recovery, one.word]),
  };
}
