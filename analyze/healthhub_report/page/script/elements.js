// Elements of the page and of pictures in it. Text is only ever set as text.

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

const html = (tag, attributes, ...children) =>
  fill(document.createElement(tag), attributes, children);

const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const picture = (width, height, ...children) =>
  svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, ...children);

const line = (x1, y1, x2, y2, style) => svg("line", { x1, y1, x2, y2, class: style });

const label = (x, y, text, anchor = "start", style = null) =>
  svg("text", { x, y, "text-anchor": anchor, class: style }, text);

const rect = (x, y, width, height, style, attributes = {}) =>
  svg("rect", { x, y, width, height, class: style, ...attributes });

// A path through the points, broken where there is none.
function path(points, style) {
  let isDown = false;
  const steps = points.map((point) => {
    if (!point) {
      isDown = false;
      return "";
    }
    const step = `${isDown ? "L" : "M"}${round(point[0])} ${round(point[1])}`;
    isDown = true;
    return step;
  });
  return svg("path", { d: steps.join(""), class: style });
}

// Many dots as one path, which is much lighter than as many circles.
const dots = (points, style) => svg("path", {
  d: points.filter(Boolean).map(([x, y]) => `M${round(x)} ${round(y)}h0`).join(""),
  class: style,
});

const round = (value) => Math.round(value * 10) / 10;

// One choice of several, as radio buttons: `choices` are [value, text].
function choices(name, title, options, current, choose) {
  return html("fieldset", { class: "choices", id: name },
    html("legend", {}, title),
    options.map(([value, text, lang]) => html("label", {},
      html("input", {
        type: "radio",
        name,
        value,
        checked: value === current,
        onchange: () => choose(value),
      }),
      html("span", { lang }, text))));
}

// One choice of many, as a list that opens.
function picker(name, title, options, current, choose) {
  const select = html("select", { id: name, onchange: (event) => choose(event.target.value) },
    options.map(([value, text]) =>
      html("option", { value, selected: String(value) === String(current) }, text)));
  return html("div", { class: "field" }, html("label", { for: name }, title), select);
}

function metricPicker(name, title, current, choose) {
  const options = report.metrics
    .filter((item) => hasValues(item.name))
    .map((item) => [item.name, words.metrics[item.name]]);
  return picker(name, title, options, current, choose);
}

// One of several days, each with a small picture of it; the latest is in sight.
function dayStrip(name, title, entries, current, draw, choose) {
  const strip = html("fieldset", { class: "days", id: name },
    html("legend", {}, title),
    entries.map((entry) => html("label", {},
      html("input", {
        type: "radio",
        name,
        value: entry.day,
        checked: entry === current,
        onchange: () => choose(entry.day),
      }),
      html("span", {}, draw(entry), shortDate(dayNumber(entry.day))))));
  requestAnimationFrame(() => {
    const label = strip.querySelector("input:checked").parentElement;
    strip.scrollLeft = label.offsetLeft - strip.clientWidth + label.offsetWidth;
  });
  return strip;
}

const legend = (entries) => html("ul", { class: "legend" },
  entries.map(([sign, text]) => html("li", {}, sign, text)));

function swatch(shape) {
  const sign = svg("svg", { width: 18, height: 12, "aria-hidden": "true" });
  sign.append(shape);
  return sign;
}

const square = (style) => swatch(rect(3, 0, 12, 12, style, { rx: 2 }));

// What is not laid out, such as a page in the background, has no width yet.
const widthOf = (element) => Math.max(280, element.clientWidth);
