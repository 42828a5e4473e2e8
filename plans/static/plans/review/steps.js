// Steps of a session, reckoned with the athlete's zones as the server gave them (minutes, load, km, hard minutes) and
// rescaled when a number changes. Pure: nothing here touches the page.
//
// A step is {type, duration_min | distance_m, target: {zone, text, …}, note?}; a block {type: "work", repeat, steps}.
// What is stored was rounded when it was made, so a change is added as a difference, never recomputed from nothing.

import { hoursText } from "./text.js";

const round = (value, digits) => Number(value.toFixed(digits));
export const stepsOf = (entry) => entry.prescribed_work.steps ?? [];
export const minutesOf = (entry) => entry.prescribed_work.duration_min || 0;

const zoneOf = (step, intensity) => intensity.zones[step.target?.zone];
const loadPerHour = (step, intensity) => zoneOf(step, intensity)?.load_per_hour ?? intensity.kinds[step.target?.zone] ?? 0;

/** Return the minutes of one step: its duration, or its distance at the speed of its zone (0 where that is unknown). */
export function stepMinutes(step, intensity) {
  if (step.steps) return step.repeat * total(step.steps, (inner) => stepMinutes(inner, intensity));
  if (step.duration_min !== undefined) return step.duration_min;
  const speed = zoneOf(step, intensity)?.speed;
  return speed ? step.distance_m / speed / 60 : 0;
}

/** Return the load of one step or block, TSS. */
export const stepLoad = (step, intensity) =>
  step.steps
    ? step.repeat * total(step.steps, (inner) => stepLoad(inner, intensity))
    : (stepMinutes(step, intensity) / 60) * loadPerHour(step, intensity);

const stepKm = (step, intensity) =>
  step.steps
    ? step.repeat * total(step.steps, (inner) => stepKm(inner, intensity))
    : step.distance_m !== undefined
      ? step.distance_m / 1000
      : (step.duration_min * 60 * (zoneOf(step, intensity)?.speed ?? 0)) / 1000;

const stepHard = (step, intensity) =>
  step.steps
    ? step.repeat * total(step.steps, (inner) => stepHard(inner, intensity))
    : zoneOf(step, intensity)?.hard
      ? stepMinutes(step, intensity)
      : 0;

const total = (steps, measure) => steps.reduce((sum, step) => sum + measure(step), 0);

/** Return the entry with other steps: minutes, load, hard minutes and distance move by what the steps' sums move by. */
export function withSteps(entry, steps, intensity) {
  const moved = (measure) =>
    total(steps, (s) => measure(s, intensity)) - total(stepsOf(entry), (s) => measure(s, intensity));
  const work = { ...entry.prescribed_work, steps };
  work.duration_min = Math.max(round(minutesOf(entry) + moved(stepMinutes), 1), 0);
  if (work.focus !== "strides") work.hard_min = Math.max(round((work.hard_min ?? 0) + moved(stepHard), 1), 0);
  if (work.distance_km !== undefined) work.distance_km = Math.max(round(work.distance_km + moved(stepKm), 1), 0);
  work.summary = summaryOf(steps, intensity) || work.summary;
  const load = Math.max(round(entry.load + moved(stepLoad), 1), 0);
  return retitled(entry, { ...entry, prescribed_work: work, load });
}

/** Return the entry lasting `minutes`: the session keeps its load an hour; the longest easy step takes the difference. */
export function withDuration(entry, minutes, intensity) {
  const before = minutesOf(entry);
  const share = before ? minutes / before : 1;
  const perHour = intensity.kinds[entry.kind] ?? intensity.zones[entry.kind]?.load_per_hour ?? 0;
  const load = before ? entry.load * share : (minutes / 60) * perHour;
  const work = { ...entry.prescribed_work, duration_min: minutes, steps: stretched(stepsOf(entry), minutes - before, share, intensity) };
  if (work.distance_km !== undefined) work.distance_km = round(work.distance_km * share, 1);
  work.summary = summaryOf(work.steps, intensity) || work.summary;
  return retitled(entry, { ...entry, prescribed_work: work, load: round(load, 1) });
}

/** Return the entry over `km` at the pace that it has: it lasts as much longer, to the minute. */
export function withDistance(entry, km, intensity) {
  const before = entry.prescribed_work.distance_km;
  const minutes = km && before ? Math.max(Math.round((minutesOf(entry) * km) / before), 1) : minutesOf(entry);
  const after = withDuration(entry, minutes, intensity);
  return retitled(entry, { ...after, title: entry.title, prescribed_work: { ...after.prescribed_work, distance_km: km } });
}

/** Return steps that last `difference` minutes longer; where no easy step can give so much, all timed steps scale. */
function stretched(steps, difference, share, intensity) {
  const easy = steps.filter((s) => !s.steps && s.duration_min !== undefined && !zoneOf(s, intensity)?.hard);
  const longest = easy.reduce((best, s) => (!best || s.duration_min > best.duration_min ? s : best), null);
  if (longest && longest.duration_min + difference >= 1) {
    return steps.map((s) => (s === longest ? { ...s, duration_min: round(s.duration_min + difference, 2) } : s));
  }
  const scaled = (step) =>
    step.steps
      ? { ...step, steps: step.steps.map(scaled) }
      : step.duration_min !== undefined
        ? { ...step, duration_min: Math.max(round(step.duration_min * share, 2), 0.1) }
        : step;
  return steps.map(scaled);
}

/** Return steps with one replaced; `at` is its index, or index of the block and index inside it. */
export function replaced(steps, at, change) {
  const [first, second] = at;
  return steps.map((step, i) => {
    if (i !== first) return step;
    if (second === undefined) return { ...step, ...change };
    return { ...step, steps: step.steps.map((inner, j) => (j === second ? { ...inner, ...change } : inner)) };
  });
}

export const without = (steps, index) => steps.filter((_, i) => i !== index);

/** Return a title that still says what is done: a dose in it that followed from the session follows the change. */
function retitled(before, after) {
  if (after.title !== before.title) return after;
  const [was, now] = [doseOf(before), doseOf(after)];
  const [old] = [...was].filter((text) => text && before.title.endsWith(text));
  const index = was.indexOf(old);
  if (old && now[index] && now[index] !== old) {
    return { ...after, title: before.title.slice(0, -old.length) + now[index] };
  }
  return after;
}

/** Return whole kilometres as the pipelines write them into titles, which round a half to the even number. */
function kmText(km) {
  const whole = km % 1 === 0.5 ? 2 * Math.round(km / 2) : Math.round(km);
  return `${Math.max(whole, 1)} km`;
}

/** Return what a title may end with: distance, duration, repeats × size. */
function doseOf(entry) {
  const work = entry.prescribed_work;
  const block = (work.steps ?? []).find((step) => step.steps);
  return [
    work.distance_km ? kmText(work.distance_km) : "",
    work.duration_min ? hoursText(work.duration_min) : "",
    block ? `${block.repeat}×${sizeOf(block.steps[0])}` : "",
  ];
}

/** Return the size of a step as people say it: `2 km`, `800 m`, `15 min`, `90 s`. */
export function sizeOf(step) {
  if (step.distance_m !== undefined) return step.distance_m >= 2000 ? `${step.distance_m / 1000} km` : `${step.distance_m} m`;
  const minutes = step.duration_min;
  return minutes < 2 && minutes !== 1 ? `${Math.round(minutes * 60)} s` : `${Number(minutes.toFixed(1))} min`;
}

/** Return the steps as one line, in the words of the pipelines. */
export function summaryOf(steps, intensity) {
  const short = (step) => (step.target?.text ?? "").split(",")[0];
  const at = (step) => `${sizeOf(step)}${short(step) ? ` at ${short(step)}` : ""}`;
  return steps
    .map((step) => {
      if (step.steps) {
        const [work, rest] = step.steps;
        return `${step.repeat} × ${at(work)}${rest ? ` (${sizeOf(rest)} ${intensity.ground})` : ""}`;
      }
      const names = { warmup: "warm-up", cooldown: "cool-down" };
      return names[step.type] ? `${sizeOf(step)} ${names[step.type]}` : at(step);
    })
    .join(", ");
}

const MAIN = {
  running: { tempo: ["threshold", 2, 10, 2], interval: ["interval", 5, 3, 2], repetition: ["repetition", 8, 0.5, 1.5] },
  cycling: { tempo: ["sweetspot", 2, 12, 4], interval: ["vo2", 5, 3, 3], repetition: ["anaerobic", 8, 0.5, 2.5] },
};
const NAMES = { easy: "Easy", long: "Long", strength: "Strength", rest: "Rest", race: "Race" };

/** Return a plain session of a kind and duration, from which a coach goes on. */
export function sessionOf(kind, day, minutes, intensity) {
  const target = (zone) => intensity.zones[zone]?.target ?? { zone, text: "" };
  const easy = (type, amount) => ({ type, duration_min: amount, target: target("easy") });
  let steps = [{ type: "steady", duration_min: minutes, target: target(kind === "long" ? "long" : "easy") }];
  let title = NAMES[kind];
  const main = MAIN[intensity.sport][kind];
  if (main) {
    const [zone, repeat, work, rest] = main;
    const inner = [{ type: "work", duration_min: work, target: target(zone) }, { type: "recovery", duration_min: rest, target: target("recovery") }];
    const around = Math.max(minutes - repeat * (work + rest), 15);
    const warmup = Math.ceil(around / 2);
    steps = [easy("warmup", warmup), { type: "work", repeat, steps: inner }, easy("cooldown", around - warmup)];
    title = `${repeat}×${sizeOf(inner[0])}`;
  } else if (kind === "strength" || kind === "race") {
    steps = [];
  } else if (kind === "rest") {
    [steps, minutes] = [[], 0];
  }
  return finished({ kind, day, title, steps, minutes, intensity });
}

function finished({ kind, day, title, steps, minutes, intensity }) {
  const lasts = steps.length ? total(steps, (s) => stepMinutes(s, intensity)) : minutes;
  const load = steps.length ? total(steps, (s) => stepLoad(s, intensity)) : (lasts / 60) * (intensity.kinds[kind] ?? 0);
  const moves = intensity.sport === "running" && steps.length > 0;
  const work = { steps, duration_min: round(lasts, 1), hard_min: round(total(steps, (s) => stepHard(s, intensity)), 1), purpose: "" };
  if (moves) work.distance_km = round(total(steps, (s) => stepKm(s, intensity)), 1);
  work.summary = summaryOf(steps, intensity);
  const dose = kind === "easy" || kind === "long" ? ` ${moves ? kmText(work.distance_km) : hoursText(lasts)}` : "";
  const modality = { strength: "strength", rest: "rest" }[kind] ?? intensity.sport;
  return { day, modality, kind, title: title + dose, prescribed_work: work, load: round(load, 1), key_session: false, locked: false };
}
