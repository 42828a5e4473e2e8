// What a session holds, as its reader reads it: their language, km or miles, pace, watts or heart rate. What is stored and
// sent stays English and metric: these texts are made anew from a session's numbers, and only where the stored text is
// the machine's own; what a coach wrote is shown as it was written.

import { sizeOf, stepsOf, summaryOf } from "./steps.js";
import { t } from "./text.js";

const KM_PER_MILE = 1.609344;
const NAMES = /^(Easy|Long|Rest|Strength|Race|Half|Marathon|Gran fondo)(?= |$)/;
let reader = { units: "metric", intensity: "" };

/** Say who reads: `units` metric or imperial, `intensity` pace, power, heart_rate or "" (as prescribed). */
export const readAs = (who) => { reader = { ...reader, ...who }; };

const isMetric = () => reader.units !== "imperial";
const unit = () => (isMetric() ? "km" : "mi");
const rounded = (value) => (Math.abs(value) < 100 ? Number(value.toFixed(1)) : Math.round(value));

/** Return a number as the page's language writes it, at most `digits` decimals. */
export const numberText = (value, digits = 1) =>
  value.toLocaleString(document.documentElement.lang || "en-gb", { maximumFractionDigits: digits, useGrouping: false });

/** Return a distance in km as `10 km` or `6.2 mi`. */
export const distanceText = (km) => `${numberText(rounded(isMetric() ? km : km / KM_PER_MILE))} ${unit()}`;

/** Return a distance that somebody wrote in their unit in km, and the other way round. */
export const kmFrom = (distance) => (isMetric() ? distance : distance * KM_PER_MILE);
export const inUnit = (km) => (isMetric() ? km : km / KM_PER_MILE);
export const distanceUnit = unit;

function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const paces = ([fast, slow]) => {
  const factor = isMetric() ? 1 : KM_PER_MILE;
  return `${clock(fast * factor)}–${clock(slow * factor)} /${unit()}`;
};

/** Return a title: "Long 18 km" is "Langer Lauf 18 km" or "Long 11.2 mi". */
export function titleText(title) {
  const named = title.replace(NAMES, (name) => t(name));
  return isMetric() ? named : named.replace(/ (\d+(?:\.\d+)?) km$/, (_, km) => ` ${distanceText(Number(km))}`);
}

/** Return the numbers of a target in the intensity that the reader prefers, "" where it has none. */
function numbersOf({ pace_s_per_km: pace, power_w: power, hr }) {
  const shown = { pace: pace && paces(pace), power: power && `${power[0]}–${power[1]} W`, heart_rate: hr && t`HR ${hr[0]}–${hr[1]}` };
  return shown[reader.intensity] || shown.pace || shown.power || "";
}

/** Return a target: "3:52–3:58 /km, comfortable"; a text that stands for no such numbers is shown as it is. */
export function aimText(target) {
  const text = target?.text ?? "";
  const machine = /^(?:\d+:\d\d–\d+:\d\d \/km|\d+–\d+ W|HR \d+–\d+)(?:, (.*))?$/.exec(text);
  if (machine) return [numbersOf(target) || text.split(", ")[0], machine[1] && t(machine[1])].filter(Boolean).join(", ");
  const race = /^(\d+):(\d\d) \/km, (expected|goal) ([\d:]+)$/.exec(text);
  if (race) {
    const seconds = (60 * Number(race[1]) + Number(race[2])) * (isMetric() ? 1 : KM_PER_MILE);
    return `${clock(seconds)} /${unit()}, ${t(race[3])} ${race[4]}`;
  }
  const effort = /^effort (\d+(?:–\d+)?) of 10, (.*)$/.exec(text);
  return effort ? t`effort ${effort[1]} of 10, ${t(effort[2])}` : t(text);
}

/** Return the size of a step: repetitions stay in metres for everybody. */
function doseText(step) {
  return step.distance_m >= 2000 ? distanceText(step.distance_m / 1000) : sizeOf(step).replace(".", numberText(0.5).slice(1, 2));
}

/** Return a session's steps as one line; the stored line where somebody wrote it. */
export function summaryText(entry, intensity) {
  const { summary = "" } = entry.prescribed_work;
  const [first, ...others] = stepsOf(entry);
  const only = others.length ? "" : first?.target?.text;
  if (only && summary.endsWith(` at ${only}`)) return t`${t(summary.slice(0, -` at ${only}`.length))} at ${aimText(first.target)}`;
  if (!summary || summary !== summaryOf(stepsOf(entry), intensity)) return t(summary);
  const short = (step) => aimText(step.target).split(", ")[0];
  const at = (step) => (short(step) ? t`${doseText(step)} at ${short(step)}` : doseText(step));
  return stepsOf(entry).map((step) => {
    if (step.steps) {
      const [work, rest] = step.steps;
      return `${step.repeat} × ${at(work)}${rest ? ` (${doseText(rest)} ${t(intensity.ground)})` : ""}`;
    }
    const names = { warmup: t("warm-up"), cooldown: t("cool-down") };
    return names[step.type] ? `${doseText(step)} ${names[step.type]}` : at(step);
  }).join(", ");
}
