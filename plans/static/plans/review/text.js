// Days, durations and elements. Days are ISO texts throughout; arithmetic on them is done in UTC.

/**
 * Return a text in the reader's language: t("Close"), t`load ${load}`. The catalogue (`page-texts`) has the places
 * numbered: "load {0}".
 */
export function t(parts, ...values) {
  const key = typeof parts === "string" ? parts : parts.reduce((text, part, i) => `${text}{${i - 1}}${part}`);
  return placed(globalThis.gettext?.(key) ?? key, values);
}

const placed = (text, values) => text.replace(/\{(\d)\}/g, (whole, i) => (i in values ? values[i] : whole));

const DAY_MS = 86_400_000;
const WEEKDAYS = [t("Mon"), t("Tue"), t("Wed"), t("Thu"), t("Fri"), t("Sat"), t("Sun")];
const MONTHS = [t("Jan"), t("Feb"), t("Mar"), t("Apr"), t("May"), t("Jun"), t("Jul"), t("Aug"), t("Sep"), t("Oct"), t("Nov"), t("Dec")];
export const MINUS = "\u2212";

const parsed = (day) => new Date(`${day}T00:00:00Z`);

/** Return the ISO day `count` days later. */
export const addDays = (day, count) => new Date(parsed(day).getTime() + count * DAY_MS).toISOString().slice(0, 10);

/** Return 0 for Monday to 6 for Sunday. */
export const weekdayOf = (day) => (parsed(day).getUTCDay() + 6) % 7;

export const mondayOf = (day) => addDays(day, -weekdayOf(day));

export const daysBetween = (from, to) => Math.round((parsed(to) - parsed(from)) / DAY_MS);

export const weekdayName = (day) => WEEKDAYS[weekdayOf(day)];

/** Return `24 Nov`. */
export const shortDay = (day) => t`${parsed(day).getUTCDate()} ${MONTHS[parsed(day).getUTCMonth()]}`;

export const dayOfMonth = (day) => parsed(day).getUTCDate();

/** Return `Tue 24 Nov`. */
export const fullDay = (day) => `${weekdayName(day)} ${shortDay(day)}`;

/** Return `Tue 24 Nov 2026`. */
export const longDay = (day) => `${fullDay(day)} ${day.slice(0, 4)}`;

/** Return minutes as `h:mm`. */
export function hoursText(minutes) {
  const whole = Math.round(minutes);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Return seconds as `h:mm:ss`, or `m:ss` under an hour. */
export function clockText(seconds) {
  const whole = Math.round(Math.abs(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const tail = String(s).padStart(2, "0");
  return h ? `${h}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
}

/** Return a number with its sign; `text` says how the amount reads. */
export const signed = (value, text = (v) => String(Math.round(v))) =>
  (value < 0 ? MINUS : "+") + text(Math.abs(value));

/** Return a count with its noun: `plural(2, "edit")` is `2 edits`. */
export function plural(count, one, many = `${one}s`) {
  const [first, other] = [`{0} ${one}`, `{0} ${many}`];
  return placed(globalThis.ngettext?.(first, other, count) ?? (count === 1 ? first : other), [count]);
}

/** Return a number as people read it in a field: at most `digits` decimals, no trailing zeros. */
export const tidy = (value, digits = 1) => (value == null || value === "" ? "" : String(Number(Number(value).toFixed(digits))));

/** Return a guard's name with its place: `Session growth, Tue 24 Nov`. */
export function guardName({ guard, where }) {
  const name = t(guard.replaceAll("_", " ")).replace(/^ctl/, "CTL");
  const place = /^\d{4}-\d\d-\d\d$/.test(where) ? fullDay(where) : where.replace(/^week (\d+)$/, (_, number) => t`week ${number}`);
  return `${name[0].toUpperCase()}${name.slice(1)}${place ? `, ${place}` : ""}`;
}

let zone;

/** Say in which time zone (an IANA name) moments are shown; the device's own until then. */
export const setZone = (name) => { zone = name; };

/** Return a timestamp as `24 Nov 08:31` in the reader's time zone. */
export function momentText(stamp) {
  const parts = { day: "numeric", month: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const shown = new Intl.DateTimeFormat("en-GB", { ...parts, timeZone: zone }).formatToParts(new Date(stamp));
  const at = Object.fromEntries(shown.map(({ type, value }) => [type, value]));
  return `${t`${at.day} ${MONTHS[at.month - 1]}`} ${at.hour}:${at.minute}`;
}

// What a condition left out is no child.
const shown = (children) => children.flat(2).filter((child) => child !== null && child !== undefined && typeof child !== "boolean");

/** Make an element. Attributes: `class`, `on…` listeners, `data` (an object), properties by name, anything else as is. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (["value", "checked", "disabled", "selected", "hidden", "draggable"].includes(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...shown(children));
  return element;
}

/** Return a sign of the theme's icon font, silent for screen readers. */
export const symbol = (name, more = "") => h("span", { class: `material-symbols-outlined ${more}`, "aria-hidden": "true" }, name);

/** Replace what an element holds; where the keyboard was inside and the element can take it, it stays there. */
export const fill = (element, ...children) => {
  const hadFocus = element.contains(document.activeElement) && element.hasAttribute("tabindex");
  element.replaceChildren(...shown(children));
  if (hadFocus) element.focus({ preventScroll: true });
  return element;
};
