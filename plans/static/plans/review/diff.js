// What differs between two sets of sessions: by session, as JSON Patch, in numbers, and merged three ways. Pure.

import { MINUS, mondayOf, t } from "./text.js";
import { minutesOf } from "./steps.js";

const FIELDS = ["day", "modality", "kind", "title", "prescribed_work", "load", "key_session", "locked"];
const LEAST_PERCENT = 1;

/** Return whether two JSON values say the same, whatever the order of their members. */
export function same(a, b) {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b || Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && same(a[name], b[name]));
}

/** Return sessions in which whatever equals an entry of `like` is that very entry, so that comparing again costs nothing. */
export const shared = (sessions, like) =>
  Object.fromEntries(Object.entries(sessions).map(([id, entry]) => [id, same(entry, like[id] ?? null) ? like[id] : entry]));

/** Return the sessions that differ, by day: {id, change: added | removed | replaced, before, after}. */
export function changesBetween(before, after) {
  const found = [];
  for (const id of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, now] = [before[id] ?? null, after[id] ?? null];
    if (!same(was, now)) found.push({ id, change: !was ? "added" : !now ? "removed" : "replaced", before: was, after: now });
  }
  const dayOf = (change) => (change.after ?? change.before).day;
  return found.sort((a, b) => dayOf(a).localeCompare(dayOf(b)) || a.id.localeCompare(b.id));
}

/** Return the least JSON Patch from one to the other; `notes` has reason and note by session. */
export function patchBetween(before, after, notes = {}) {
  return changesBetween(before, after).flatMap((change) => {
    const why = Object.fromEntries(Object.entries(notes[change.id] ?? {}).filter(([, value]) => value));
    return operationsOf(change).map((operation) => ({ ...operation, ...why }));
  });
}

function operationsOf({ id, change, before, after }) {
  const path = `/sessions/${id}`;
  if (change === "added") return [{ op: "add", path, value: after }];
  if (change === "removed") return [{ op: "remove", path }];
  return FIELDS.filter((name) => !same(before[name], after[name])).flatMap((name) =>
    name === "prescribed_work"
      ? memberOperations(`${path}/${name}`, before[name], after[name])
      : [{ op: name in before ? "replace" : "add", path: `${path}/${name}`, value: after[name] }],
  );
}

function memberOperations(path, before, after) {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !same(before[name], after[name])).map((name) => {
    if (!(name in after)) return { op: "remove", path: `${path}/${name}` };
    return { op: name in before ? "replace" : "add", path: `${path}/${name}`, value: after[name] };
  });
}

/**
 * The parts of a session that are merged on their own: name → how it reads in an entry, and how it is put into one.
 * Title, steps and load stay together, as on the server: 6×800 m with the load of an easy run would be nobody's wish.
 */
export const PARTS = {
  day: fieldPart("day"),
  content: {
    read: ({ kind, modality, title, load, prescribed_work: { notes, ...work } }) => ({ kind, modality, title, load, work }),
    write: (entry, { work, ...rest }) => withNotes({ ...entry, ...rest, prescribed_work: work }, entry.prescribed_work.notes),
  },
  notes: { read: (entry) => entry.prescribed_work.notes ?? null, write: withNotes },
  key_session: fieldPart("key_session"),
  locked: fieldPart("locked"),
};

function fieldPart(name) {
  return { read: (entry) => entry[name], write: (entry, value) => ({ ...entry, [name]: value }) };
}

function withNotes(entry, notes) {
  const { notes: _, ...work } = entry.prescribed_work;
  return { ...entry, prescribed_work: notes ? { ...work, notes } : work };
}

/** Name a choice: one part of one session; the part "session" is whether it is there at all. */
export const choiceKey = (id, part) => `${id}/${part}`;

/**
 * Merge by session and part: what only one side changed is taken; what both changed differently stays mine unless
 * `theirsWin` (a Set of `choiceKey`) says otherwise.
 *
 * Returns {sessions, disputed, taken}: both lists hold {id, base, mine, theirs, parts}, `parts` being what both changed
 * (disputed) or what only they changed (taken); a session may stand in both.
 */
export function threeWay(base, mine, theirs, theirsWin = new Set()) {
  const sessions = {};
  const [disputed, taken] = [[], []];
  for (const id of new Set([...Object.keys(base), ...Object.keys(mine), ...Object.keys(theirs)])) {
    const sides = { base: base[id] ?? null, mine: mine[id] ?? null, theirs: theirs[id] ?? null };
    const found = mergeOne(sides, (part) => theirsWin.has(choiceKey(id, part)));
    if (found.entry) sessions[id] = found.entry;
    if (found.disputed.length) disputed.push({ id, ...sides, parts: found.disputed });
    if (found.taken.length) taken.push({ id, ...sides, parts: found.taken });
  }
  return { sessions, disputed, taken };
}

function mergeOne({ base, mine, theirs }, theirsWins) {
  if (same(mine, theirs) || same(base, theirs)) return { entry: mine, disputed: [], taken: [] };
  if (same(base, mine)) return { entry: theirs, disputed: [], taken: base && theirs ? changedParts(base, theirs) : ["session"] };
  if (!mine || !theirs || !base) return { entry: theirsWins("session") ? theirs : mine, disputed: ["session"], taken: [] };
  let entry = mine;
  const [disputed, taken] = [[], []];
  for (const part of changedParts(base, theirs)) {
    const { read, write } = PARTS[part];
    if (same(read(mine), read(theirs))) continue;
    const isOpen = !same(read(base), read(mine));
    (isOpen ? disputed : taken).push(part);
    if (!isOpen || theirsWins(part)) entry = write(entry, read(theirs));
  }
  return { entry, disputed, taken };
}

const changedParts = (before, after) => Object.keys(PARTS).filter((part) => !same(PARTS[part].read(before), PARTS[part].read(after)));

/** Return minutes and load of each week (by its Monday) and in all. */
export function totalsOf(sessions) {
  const weeks = {};
  const all = { minutes: 0, load: 0 };
  for (const entry of Object.values(sessions)) {
    const week = (weeks[mondayOf(entry.day)] ??= { minutes: 0, load: 0 });
    for (const sum of [week, all]) {
      sum.minutes += minutesOf(entry);
      sum.load += entry.load;
    }
  }
  return { weeks, all };
}

/** Return the change in percent, null where there was nothing before. */
export const percent = (before, after) => (before > 0 ? (100 * (after - before)) / before : null);

/** Return a change in percent with arrow, or "" below one percent. */
export function percentText(value, name = "") {
  if (value === null || Math.abs(value) < LEAST_PERCENT) return "";
  return `${name} ${value > 0 ? "↑" : "↓"} ${Math.abs(value).toFixed(0)} %`.trim();
}

/** Return what a change comes to in a few words each: volume, load, kinds of session, moves. */
export function badgesOf(before, after) {
  const [was, now] = [totalsOf(before).all, totalsOf(after).all];
  const changes = changesBetween(before, after);
  const found = [percentText(percent(was.minutes, now.minutes), t("Volume")), percentText(percent(was.load, now.load), t("Load"))];
  for (const [kind, name] of [["long", t("Long")], ["interval", t("Intervals")], ["tempo", t("Tempo")]]) {
    const shift = changes.reduce((sum, c) => sum + (c.after?.kind === kind) - (c.before?.kind === kind), 0);
    if (shift) found.push(`${name} ${shift > 0 ? "+" : MINUS}${Math.abs(shift)}`);
  }
  const moved = changes.filter((c) => c.before && c.after && c.before.day !== c.after.day).length;
  if (moved) found.push(t`Moved ${moved}`);
  return found.filter(Boolean);
}
