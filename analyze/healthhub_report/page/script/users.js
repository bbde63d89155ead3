// The list that leads to the pages of several users.

function usersPanel() {
  const section = html("section", { id: "users", "aria-labelledby": "users-title" });
  const build = () => section.replaceChildren(
    html("h2", { id: "users-title" }, words.usersTitle),
    html("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": words.table },
      html("table", {},
        html("thead", {}, html("tr", {}, [words.user, words.lastDay, words.daysWithData].map((title) =>
          html("th", { scope: "col" }, title)))),
        html("tbody", {}, report.users.map((user) => html("tr", {},
          html("td", {}, html("a", { href: user.file }, user.name),
            user.isSynthetic ? ` (${words.syntheticWord})` : ""),
          html("td", {}, lastDayText(user)),
          html("td", {}, number(user.days))))))),
  );
  panels.push({ id: "users", section, usesRange: false, build, redraw: () => {} });
}

function lastDayText(user) {
  if (!user.lastDay) return words.noDataYet;
  const day = dayNumber(user.lastDay);
  return today - day > STALE_AFTER
    ? html("strong", {}, words.noDataSince(mediumDate(day)))
    : mediumDate(day);
}
