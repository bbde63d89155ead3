// Puts the page together, and again when the language or the width changes.

function makePanels() {
  if (report.users) {
    usersPanel();
    return;
  }
  if (report.days) {
    chooseKnown();
    todayPanel();
    contributorsPanel();
    trendsPanel();
    nightsPanel();
    heartPanel();
    stressPanel();
    workoutsPanel();
    rhythmPanel();
    yearPanel();
    relationPanel();
    tagsPanel();
  }
  coveragePanel();
}

const heading = html("div");
const bar = html("div", { class: "bar" });
const main = html("main", { id: "main", tabindex: -1 });
const footer = html("footer", { class: "soft" });
const skip = html("a", { class: "skip", href: "#main" });

function writeWords() {
  document.documentElement.lang = language;
  document.title = report.name ? `healthHub – ${report.name}` : "healthHub";
  skip.textContent = words.skip;
  heading.replaceChildren(
    html("h1", {}, report.name ? `healthHub · ${report.name}` : "healthHub"),
    html("p", { class: "soft" },
      report.back ? [html("a", { href: report.back }, words.backToList), " · "] : "",
      words.madeAt(moment(report.madeAt))),
    report.isSynthetic ? html("p", { class: "warning", role: "note" }, words.synthetic) : "",
    isPutAway ? html("p", { class: "warning", role: "note" }, words.putAway(longDate(lastDay))) : "",
    report.users || report.days ? "" : html("p", {}, words.nothing));
  if (report.days) {
    fill(bar, { role: "region", "aria-label": words.range }, []);
    bar.replaceChildren(html("div", {},
      html("nav", { "aria-label": "healthHub" }, panels.map((one) =>
        html("a", { href: `#${one.id}` }, titleOf(words.sections, one.id)))),
      choices("range", words.range, [30, 90, 365, 0].map((days) => [days, words.ranges[days]]),
        chosen.range, (days) => {
          chosen.range = days;
          panels.filter((one) => one.usesRange).forEach((one) => one.redraw());
        })));
  }
  footer.replaceChildren(html("p", {}, words.privacy));
  panels.forEach((one) => one.build());
}

makePanels();
const languages = choices("language", words.language,
  [["en", "English", "en"], ["ja", "日本語", "ja"]], language, (chosenLanguage) => {
    language = chosenLanguage;
    words = WORDS[language];
    languages.querySelector("legend").textContent = words.language;
    writeWords();
  });
main.append(...panels.map((one) => one.section));
document.body.append(skip, html("header", {}, heading, languages), bar, main, footer);
writeWords();

let width = main.clientWidth;
new ResizeObserver(() => {
  if (main.clientWidth === width) return;
  width = main.clientWidth;
  panels.forEach((one) => one.redraw());
}).observe(main);
