// The list that leads to the pages of several accounts.

function accountsPanel() {
  const section = html("section", { id: "accounts", "aria-labelledby": "accounts-title" });
  const build = () => section.replaceChildren(
    html("h2", { id: "accounts-title" }, words.accountsTitle),
    html("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": words.table },
      html("table", {},
        html("thead", {}, html("tr", {}, [words.account, words.lastDay, words.daysWithData].map((title) =>
          html("th", { scope: "col" }, title)))),
        html("tbody", {}, report.accounts.map((account) => html("tr", {},
          html("td", {}, html("a", { href: account.file }, account.name),
            account.isSynthetic ? ` (${words.syntheticWord})` : ""),
          html("td", {}, lastDayText(account)),
          html("td", {}, number(account.days))))))),
  );
  panels.push({ id: "accounts", section, usesRange: false, build, redraw: () => {} });
}

function lastDayText(account) {
  if (!account.lastDay) return words.noDataYet;
  const day = dayNumber(account.lastDay);
  return today - day > STALE_AFTER
    ? html("strong", {}, words.noDataSince(mediumDate(day)))
    : mediumDate(day);
}
