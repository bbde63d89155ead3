// Numbers, durations and dates as a person reads them.

const DAY = 86400000;

function number(value, digits = 0, signed = false) {
  return value.toLocaleString(language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    signDisplay: signed ? "exceptZero" : "auto",
  }).replace("-", "−");
}

function duration(minutes, signed = false) {
  const rounded = Math.round(Math.abs(minutes));
  const text = words.hours(Math.floor(rounded / 60), rounded % 60);
  const sign = rounded === 0 ? "" : minutes < 0 ? "−" : signed ? "+" : "";
  return sign + text;
}

// A value of a metric with its unit.
function amount(value, metric, { signed = false, extraDigits = 0 } = {}) {
  switch (metric.unit) {
    case "duration":
      return duration(value, signed);
    case "level":
      return words.levels[report.levels[Math.round(value) - 1]] ?? number(value, 1);
    case "celsius":
      return withUnit(number(value, metric.digits, true), metric);
    default:
      return withUnit(number(value, metric.digits + extraDigits, signed), metric);
  }
}

// A range of a metric, with the unit once.
function amounts(low, high, metric) {
  const isWordy = ["duration", "level"].includes(metric.unit);
  const isSigned = metric.unit === "celsius";
  return words.between(
    isWordy ? amount(low, metric) : number(low, metric.digits, isSigned),
    amount(high, metric),
  );
}

function withUnit(text, metric) {
  const unit = words.units[metric.unit];
  return unit ? `${text}\u00a0${unit}` : text;
}

// Minutes from midnight, also of the day before, as a time of day.
function clock(minutes) {
  const inDay = ((Math.round(minutes) % 1440) + 1440) % 1440;
  const pad = (n) => String(n).padStart(2, "0");
  return `${pad(Math.floor(inDay / 60))}:${pad(inDay % 60)}`;
}

// Days are numbers: days since 1970.
const dayNumber = (iso) => Date.parse(iso) / DAY;
const isoDay = (day) => new Date(day * DAY).toISOString().slice(0, 10);
const weekday = (day) => (new Date(day * DAY).getUTCDay() + 6) % 7; // Monday is 0

const dateFormats = new Map();

function formatDate(day, options) {
  const key = language + JSON.stringify(options);
  if (!dateFormats.has(key)) {
    dateFormats.set(key, new Intl.DateTimeFormat(
      language === "en" ? "en-GB" : language, { timeZone: "UTC", ...options },
    ));
  }
  return dateFormats.get(key).format(new Date(day * DAY));
}

const longDate = (day) =>
  formatDate(day, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
const mediumDate = (day) =>
  formatDate(day, { day: "numeric", month: "short", year: "numeric" });
const shortDate = (day) => formatDate(day, { day: "numeric", month: "short" });
const monthName = (day) => formatDate(day, { month: "short" });
const yearName = (day) => formatDate(day, { year: "numeric" });

function moment(iso) {
  return new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, {
    dateStyle: "medium", timeStyle: "short", timeZone: report.timezone ?? "UTC",
  }).format(new Date(iso));
}

const comma = () => (language === "ja" ? "、" : ", ");

// Names of tags as Oura sends them are codes: tag_generic_late_meal.
function tagName(tag) {
  if (!tag.startsWith("tag_")) return tag;
  const plain = tag.replace(/^tag_(generic_|sleep_)?/, "").replaceAll("_", " ");
  return words.tagNames[plain] ?? plain.charAt(0).toUpperCase() + plain.slice(1);
}
