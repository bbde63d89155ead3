// Reading single values off a chart, with the mouse, a finger or the arrow keys. To a
// screen reader the chart is a slider along its values.

// count: how many places; at(n): { x, spots: [[x, y]], title, lines }; nearest(x, y): n
function withCursor(chart, drawing, { name, count, start, at, nearest }) {
  const [, , width, height] = drawing.getAttribute("viewBox").split(" ").map(Number);
  const marks = svg("g");
  const readout = html("div", { class: "readout", hidden: true });
  let current = start;
  drawing.append(marks);
  chart.classList.add("chart");
  chart.append(drawing, readout);

  function tell(n) {
    const { title, lines } = at(n);
    chart.setAttribute("aria-valuenow", n);
    chart.setAttribute("aria-valuetext", [title, ...lines].join(", "));
    return { title, lines };
  }

  function show(n) {
    current = Math.max(0, Math.min(count - 1, n));
    const { title, lines } = tell(current);
    const { x, spots, mark } = at(current);
    marks.replaceChildren(
      mark ?? line(x, 0, x, height - 20, "cursor"),
      ...spots.map(([cx, cy]) => svg("circle", { cx, cy, r: 4.5, class: "spot" })),
    );
    readout.replaceChildren(html("b", {}, title), lines.join("\n"));
    readout.hidden = false;
    const place = (x / width) * chart.clientWidth;
    const isRight = place > chart.clientWidth / 2;
    readout.style.left = isRight ? "auto" : `${place + 12}px`;
    readout.style.right = isRight ? `${chart.clientWidth - place + 12}px` : "auto";
  }

  function hide() {
    readout.hidden = true;
    marks.replaceChildren();
  }

  const steps = {
    ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -7, PageUp: 7,
    Home: -Infinity, End: Infinity,
  };
  fill(chart, {
    role: "slider",
    tabindex: 0,
    "aria-label": name,
    "aria-valuemin": 0,
    "aria-valuemax": count - 1,
    onkeydown: (event) => {
      if (event.key === "Escape") hide();
      if (!(event.key in steps)) return;
      event.preventDefault();
      show(readout.hidden ? current : current + steps[event.key]);
    },
    onfocus: () => { if (chart.matches(":focus-visible")) show(current); },
    onblur: hide,
    onpointerleave: hide,
    onpointermove: follow,
    onpointerdown: follow,
  }, []);

  function follow(event) {
    const box = drawing.getBoundingClientRect();
    const n = nearest(
      ((event.clientX - box.left) / box.width) * width,
      ((event.clientY - box.top) / box.height) * height,
    );
    if (n === null) hide();
    else show(n);
  }

  tell(current);
}
