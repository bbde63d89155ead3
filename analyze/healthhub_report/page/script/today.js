// The figures of today beside what is normal for the person.

function todayPanel() {
  return panel("today", { note: "todayNote", draw: drawToday });
}

function drawToday(body) {
  const states = report.featured.map((name) => todayOf(metric(name)));
  const compared = states.filter((state) => state.verdict);
  const newest = Math.max(...compared.map((state) => state.day));
  const inside = compared.filter((state) => state.verdict === "within");
  body.append(
    html("p", { class: "summary" },
      words.todaySummary({ day: longDate(compared.length ? newest : latest), known: compared.length, inside: inside.length })),
    html("ul", { class: "cards" }, states.map(card)),
  );
  return {
    table: {
      name: "today",
      columns: [
        { title: words.metric },
        dayColumn(words.day),
        { title: words.value },
        { title: words.low },
        { title: words.high },
      ],
      rows: states.filter((state) => state.day !== null).map((state) => [
        words.metrics[state.metric.name],
        state.day,
        amount(state.value, state.metric),
        state.low === null ? null : amount(state.low, state.metric),
        state.high === null ? null : amount(state.high, state.metric),
      ]),
    },
  };
}

// What is known of a metric now: its last value, and the normal before it.
function todayOf(item) {
  const day = lastDayOf(item.name);
  const state = { metric: item, day, value: null, low: null, high: null, verdict: null };
  if (day === null) return state;
  state.value = valueOn(item.name, day);
  state.isStale = latest - day > STALE_AFTER;
  const usual = baselineOn(item.name, day);
  state.days = usual.days;
  if (usual.mean28 === null) return state;
  state.mean = usual.mean28;
  state.spread = usual.spread;
  state.low = usual.mean28 - usual.spread;
  state.high = usual.mean28 + usual.spread;
  if (!state.isStale) {
    state.verdict = state.value > state.high ? "above"
      : state.value < state.low ? "below" : "within";
  }
  return state;
}

function card(state) {
  const item = state.metric;
  const title = html("h3", {}, words.metrics[item.name]);
  if (state.day === null) {
    return html("li", { class: "card" }, title,
      html("p", { class: "value" }, "–"),
      html("p", { class: "soft" }, words.noDataYet));
  }
  if (state.isStale) {
    return html("li", { class: "card" }, title,
      html("p", { class: "value" }, "–"),
      html("p", { class: "soft" }, words.noDataSince(mediumDate(state.day))));
  }
  const when = dayName(state.day);
  return html("li", { class: "card" }, title,
    html("p", { class: "value" }, arrow(state.verdict), amount(state.value, item)),
    state.low === null ? null : bullet(state),
    html("p", { class: "soft" }, `${when}${comma()}${verdictText(state)}`),
    state.low === null ? null
      : html("p", { class: "soft" }, words.normal(amounts(state.low, state.high, item))));
}

// Today and yesterday by that name, too; a day of long ago with its year.
function dayName(day) {
  if (isPutAway) return mediumDate(day);
  const name = [words.todayWord, words.yesterday][today - day];
  return name ? words.named(name, shortDate(day)) : shortDate(day);
}

function arrow(verdict) {
  if (!verdict || verdict === "within") return null;
  const sign = verdict === "above" ? "↑" : "↓";
  return html("span", { class: "arrow outside", "aria-hidden": "true" }, `${sign} `);
}

const verdictText = (state) =>
  (state.verdict ? words.verdictsToday[state.verdict] : words.noNormal(state.days));

// The band of the normal, its mean, and where the value lies; three standard
// deviations to each side.
function bullet(state) {
  const x = (value) => 100 + Math.max(-3, Math.min(3, (value - state.mean) / (state.spread || 1))) * 32;
  const drawing = svg("svg", { viewBox: "0 0 200 22", preserveAspectRatio: "xMinYMid meet", "aria-hidden": "true" });
  drawing.append(
    line(4, 11, 196, 11, "grid"),
    rect(68, 5, 64, 12, "band", { rx: 6 }),
    line(100, 4, 100, 18, "mean-tick"),
    svg("circle", {
      cx: x(state.value), cy: 11, r: 5.5,
      class: state.verdict === "within" ? "inside" : "outside",
    }),
  );
  return drawing;
}
