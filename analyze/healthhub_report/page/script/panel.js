// A section of the page: a title, controls, a chart, the same in words, and a table
// behind it that can be saved.

const panels = [];

// A ring that was put away has no today.
const titleOf = (titles, id) => titles[id === "today" && isPutAway ? "lastDays" : id];

// draw(body) fills the body and returns what stands below it:
//   summary: the chart in words
//   table: { name, columns: [{ title, text, isNumber }], rows: [[value]] }
function panel(id, { note, controls = () => [], draw, usesRange = false }) {
  const section = html("section", { id, "aria-labelledby": `${id}-title` });
  const one = { id, section, usesRange, build, redraw };
  let body;
  let below;

  function build() {
    body = html("div", { class: "body" });
    below = html("div");
    section.replaceChildren(
      html("h2", { id: `${id}-title` }, titleOf(words.titles, id)),
      html("p", { class: "note" }, words[note]),
      html("div", { class: "controls" }, controls(one)),
      body,
      below,
    );
    redraw();
  }

  function redraw() {
    body.replaceChildren();
    const { summary, table } = draw(body, one) ?? {};
    below.replaceChildren(
      ...(summary ? [html("p", { class: "summary" }, summary)] : []),
      ...(table && table.rows.length ? [behind(table)] : []),
    );
  }

  panels.push(one);
  return one;
}

// The table is made when it is opened: ten years are many rows.
function behind(table, name = words.table) {
  const details = html("details", {
    ontoggle: () => {
      if (details.open && !details.querySelector("table")) details.append(tableOf(table));
    },
  }, html("summary", {}, name));
  return html("div", { class: "behind" },
    details,
    html("button", { type: "button", onclick: () => save(table) }, words.csv));
}

function tableOf({ columns, rows, title, isShort, isWide }) {
  const style = (column) => (column.isNumber ? "number" : column.isDay ? "day" : null);
  return html("div", {
    class: ["scroll", isShort && "short", isWide && "wide"].filter(Boolean).join(" "),
    tabindex: 0, role: "group", "aria-label": title ?? words.table,
  }, html("table", {},
    html("thead", {}, html("tr", {}, columns.map((column) =>
      html("th", { scope: "col", class: style(column) }, column.title)))),
    html("tbody", {}, rows.map((row) => html("tr", {}, columns.map((column, n) =>
      html("td", { class: style(column) },
        isKnown(row[n]) ? (column.text?.(row[n]) ?? String(row[n])) : "")))))));
}

const dayColumn = (title) => ({ title, text: mediumDate, csv: isoDay, isDay: true });

const amountColumn = (title, metric, options) =>
  ({ title, text: (value) => amount(value, metric, options), isNumber: true });

// Values as they are, for another program.
function csvOf({ columns, rows }) {
  const quoted = (value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const cell = (value, column) => {
    if (!isKnown(value)) return "";
    if (column.csv) return column.csv(value);
    return typeof value === "number" ? String(Math.round(value * 1000) / 1000) : value;
  };
  const lines = [columns.map((column) => column.title)]
    .concat(rows.map((row) => row.map((value, n) => cell(value, columns[n]))));
  return lines.map((cells) => cells.map(quoted).join(",")).join("\r\n");
}

function save(table) {
  // The mark at the beginning tells Excel that this is UTF-8.
  const blob = new Blob([`\ufeff${csvOf(table)}\r\n`], { type: "text/csv" });
  const url = URL.createObjectURL(blob);
  html("a", { href: url, download: `healthhub-${table.name}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
