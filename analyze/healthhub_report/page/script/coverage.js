// What is here, what is missing and why, and what Oura changed afterwards.

function coveragePanel() {
  return panel("coverage", { note: "coverageNote", usesRange: true, draw: drawCoverage });
}

const streamName = (stream) => words.streams[stream] ?? stream;

function drawCoverage(body) {
  const { from, to } = chosenDays();
  const strips = report.coverage.map((one) => {
    const start = dayNumber(one.firstDay);
    const all = lettersOf(one.runs);
    const statuses = daysFrom(from, to).map((day) => all[day - start] ?? " ");
    return { stream: one.stream, statuses, ...counted(statuses) };
  });
  body.append(html("ul", { class: "rows coverage" }, strips.map((one) => html("li", {},
    html("span", {}, streamName(one.stream)),
    html("div", {}, strip(one.statuses)),
    html("span", { class: "soft" }, one.known ? `${number((100 * one.present) / one.known)} %` : "–")))));
  body.append(legend([
    [square("present"), words.statuses.p],
    [square("none"), words.statuses.e],
    [square("unasked"), words.statuses.n],
    [square("refused"), words.statuses.x],
  ]));
  body.append(behind({
    name: "coverage",
    columns: [
      { title: words.stream, text: streamName },
      { title: words.daysPresent, isNumber: true },
      { title: words.daysAsked, isNumber: true },
    ],
    rows: strips.map((one) => [one.stream, one.present, one.known]),
  }), ...refusalList(), ...gapList(), ...revisionList(), ...setAsideList());
}

function counted(statuses) {
  return {
    present: statuses.filter((status) => status === "p").length,
    known: statuses.filter((status) => status !== " ").length,
  };
}

// Days in order; where there are too many, each bar stands for several: as high as
// the share of days with data, before the colour of what is most often missing.
function strip(statuses) {
  const width = 600;
  const size = Math.max(1, Math.ceil(statuses.length / 150));
  const bins = [];
  for (let n = statuses.length % size ? (statuses.length % size) - size : 0; n < statuses.length; n += size) {
    bins.push(statuses.slice(Math.max(0, n), n + size));
  }
  const breadth = width / bins.length;
  const styles = { e: "none", n: "unasked", r: "refused", f: "failed" };
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} 16`, height: 16, preserveAspectRatio: "none", "aria-hidden": "true",
  });
  bins.forEach((bin, n) => {
    const share = bin.filter((status) => status === "p").length / bin.length;
    const worst = ["r", "f", "n", "e"].find((status) => bin.includes(status));
    const across = [round(n * breadth), round(breadth * (bins.length > 100 ? 1.02 : 0.86))];
    if (worst) drawing.append(rect(across[0], 0, across[1], 16, styles[worst]));
    if (share) drawing.append(rect(across[0], 16 * (1 - share), across[1], 16 * share, "present"));
  });
  return drawing;
}

const SHOWN = 8;

// A table that shows its first rows, and all of them behind a button.
function shortTable(title, columns, rows, name, { isWide = false } = {}) {
  const first = rows.slice(0, SHOWN);
  const parts = [
    html("h3", {}, title),
    tableOf({ columns, rows: first, title, isShort: true, isWide }),
  ];
  if (rows.length > first.length) parts.push(behind({ columns, rows, name, title, isWide }, words.all(number(rows.length))));
  return parts;
}

function gapList() {
  const columns = [
    { title: words.when, isDay: true },
    { title: words.what },
    { title: words.why },
  ];
  const rows = report.gaps.map((gap) => [
    period(dayNumber(gap.from), dayNumber(gap.to)),
    gap.streams.map(streamName).join(comma()),
    reasonOf(gap),
  ]);
  const summary = html("p", { class: "summary" }, words.coverageSummary(rows.length));
  if (!rows.length) return report.days ? [summary] : [];
  const [title, ...rest] = shortTable(words.gapsTitle, columns, rows, "gaps");
  return [title, summary, ...rest];
}

// Each route whose last request was not answered, and why.
function refusalList() {
  if (!report.refusals.length) return [];
  return shortTable(words.refusalsTitle, [
    { title: words.stream }, { title: words.why }, { title: words.seen, isDay: true },
  ], report.refusals.map((one) => [
    streamName(one.stream), reasonText(one.outcome, one.detail), moment(one.at),
  ]), "refusals");
}

const period = (from, to) =>
  (from === to ? mediumDate(from) : words.between(mediumDate(from), mediumDate(to)));

function reasonOf(gap) {
  if (gap.reason) return reasonText(...gap.reason.split(": "));
  const text = reasonText(gap.status);
  return gap.status === "empty" && gap.hoursOff >= 1
    ? text + words.reasons.ringOff(number(gap.hoursOff))
    : text;
}

// Why, by the outcome of a request or the status of a day.
function reasonText(outcome, detail) {
  if (outcome === "missing_scope") return words.reasons.missing_scope(detail ?? "");
  return words.reasons[outcome] ?? outcome;
}

// Why nothing of a route is here, as far as it is known.
function absence(stream) {
  const refusal = report.refusals.find((one) => one.stream === stream);
  return words.absent(
    streamName(stream), refusal ? reasonText(refusal.outcome, refusal.detail) : null);
}

function revisionList() {
  if (!report.revisions.length) {
    return [html("h3", {}, words.revisionsTitle), html("p", {}, words.noRevisions)];
  }
  const columns = [
    { title: words.day, text: mediumDate, csv: isoDay, isDay: true },
    { title: words.what },
    { title: words.change },
    { title: words.seen, isDay: true },
  ];
  const rows = report.revisions.map((one) => [
    one.day === null ? null : dayNumber(one.day),
    streamName(one.stream),
    one.isDeleted ? words.deleted : one.changes.map(changeText).join(comma()),
    moment(one.seenAt),
  ]);
  return shortTable(words.revisionsTitle, columns, rows, "revisions");
}

const changeText = ([name, before, after]) => `${name} ${before ?? "–"} → ${after ?? "–"}`;

function setAsideList() {
  if (!report.setAside.length) return [];
  return shortTable(words.setAsideTitle, [
    { title: words.what }, { title: words.document }, { title: words.why },
  ], report.setAside.map((one) => [
    streamName(one.stream), one.document, one.reasons.join("; "),
  ]), "set-aside");
}
