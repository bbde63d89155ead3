// What each tag did to the night after it, as healthhub.tag_effects says.

const FEWEST_OCCASIONS = 8; // below it that view says nothing

function tagsPanel() {
  const figures = [...new Set(report.tags.map((effect) => effect.figure))];
  if (figures.length && !figures.includes(chosen.figure)) [chosen.figure] = figures;
  return panel("tags", {
    note: "tagsNote",
    controls: (one) => (figures.length ? [picker("figure", words.figure,
      figures.map((name) => [name, words.metrics[name]]), chosen.figure, (name) => {
        chosen.figure = name;
        one.redraw();
      })] : []),
    draw: drawTags,
  });
}

function drawTags(body) {
  const item = metric(chosen.figure);
  const effects = report.tags
    .filter((effect) => effect.figure === chosen.figure)
    .toSorted((a, b) => (a.difference ?? Infinity) - (b.difference ?? Infinity));
  if (!effects.length) return { summary: words.noTags };
  const reach = Math.max(...effects.flatMap((effect) => [effect.from, effect.to])
    .filter(isKnown).map(Math.abs), 0.001);
  const rows = html("ul", { class: "rows" });
  body.append(rows);
  rows.append(...effects.map((effect) => html("li", {},
    html("span", {}, tagName(effect.tag)),
    html("div", {}, interval(effect, reach)),
    html("span", { class: "soft" }, effectText(effect, item)))));
  return { summary: tagsSummary(effects, item), table: tagsTable(effects, item) };
}

const signed = (value, item) => amount(value, item, { signed: true, extraDigits: 1 });

// The same where the unit has just been said.
const bare = (value, item) =>
  (item.unit === "duration" ? signed(value, item) : number(value, item.digits + 1, true));

function effectText(effect, item) {
  if (effect.verdict === "no variation") return words.noVariation;
  if (effect.verdict === "nothing to compare") return words.nothingToCompare;
  if (effect.difference === null) return words.tooFew(effect.occasions, FEWEST_OCCASIONS);
  return words.tagText({
    difference: signed(effect.difference, item),
    from: bare(effect.from, item),
    to: bare(effect.to, item),
    n: number(effect.occasions),
  });
}

// The difference with its confidence interval; zero is in the middle.
function interval(effect, reach) {
  const x = scale(-reach, reach, 12, 388);
  const isClear = ["higher", "lower"].includes(effect.verdict);
  return picture(400, 20,
    line(12, 10, 388, 10, "grid"),
    line(x(0), 1, x(0), 19, "axis"),
    effect.from === null ? null : [
      line(x(effect.from), 10, x(effect.to), 10, isClear ? "interval clear" : "interval"),
      svg("circle", { cx: x(effect.difference), cy: 10, r: 5, class: isClear ? "inside" : "hollow" }),
    ]);
}

// Of tags that cannot be judged it says nothing.
function tagsSummary(effects, item) {
  const judged = effects.filter((effect) => isKnown(effect.from));
  if (!judged.length) return words.tagsUnjudged(FEWEST_OCCASIONS);
  const clear = judged
    .filter((effect) => ["higher", "lower"].includes(effect.verdict))
    .map((effect) => `${tagName(effect.tag)} ${signed(effect.difference, item)}`);
  return words.tagsSummary({ metric: words.metrics[item.name], clear });
}

function tagsTable(effects, item) {
  const effect = (title) => ({ title, text: (value) => signed(value, item), isNumber: true });
  return {
    name: `tags-${item.name}`,
    columns: [
      { title: words.tag, text: tagName },
      { title: words.occasions, isNumber: true },
      { title: words.nightsWith, isNumber: true },
      { title: words.nightsWithout, isNumber: true },
      effect(words.difference),
      effect(words.fromWord),
      effect(words.toWord),
      { title: words.verdict, text: (verdict) => words.verdicts[verdict] ?? verdict },
    ],
    rows: effects.map((one) => [
      one.tag, one.occasions, one.with, one.without,
      one.difference, one.from, one.to, one.verdict,
    ]),
  };
}
