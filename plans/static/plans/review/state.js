// The edit model: what the head version holds, what the coach made of it, and the way back. Pure: no page, no network.
//
// Entries are never changed in place, so that an undo step is the old map itself. "Unsaved" is whatever differs from
// the head, "saved in this draft" whatever differs from the machine's version; both follow from the maps alone.

import { changesBetween, patchBetween, same, shared, threeWay } from "./diff.js";
import { t } from "./text.js";

/** Return a new session id; `randomUUID` is missing on plain http beyond the own machine. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Return a version's sessions by id, from its weeks. */
export function sessionsOf(version) {
  const listed = version.weeks.flatMap((week) => week.sessions);
  return Object.fromEntries(listed.map(({ session_id: id, ...entry }) => [id, { ...entry, locked: entry.locked ?? false }]));
}

export class EditModel {
  /** `limits`: today, raceDay, first and last day of the plan (ISO), editable (bool); `done`: ids of sessions done. */
  constructor({ head, baseline, limits, done = new Set() }) {
    this.head = shared(head, baseline);
    this.baseline = baseline;
    this.current = this.head;
    this.notes = {};
    this.past = [];
    this.limits = limits;
    this.done = done;
    this.listeners = [];
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  tell(label) {
    for (const listener of this.listeners) listener(label);
  }

  // ---- what may be edited: the same rules as the server's, so that nothing is offered that would be refused

  /** Return why a session cannot be edited, "" where it can. */
  whyFixed(id) {
    const entry = this.current[id];
    if (!this.limits.editable) return t("This plan cannot be edited in its present state.");
    if (!entry) return t("This session was removed.");
    if (this.done.has(id)) return t("This session is done: what was done is recorded, not planned.");
    return entry.day < this.limits.today ? t("This day is past: what was done is recorded, not planned.") : "";
  }

  isGoalRace(entry) {
    return entry.kind === "race" && entry.day === this.limits.raceDay;
  }

  /** Return why a session cannot be moved or removed, "" where it can. */
  whyTied(id) {
    const why = this.whyFixed(id);
    if (why) return why;
    const race = this.isGoalRace(this.current[id]);
    return race ? t("The race stays on its day: for another date, generate the plan again.") : "";
  }

  /** Return whether a session may stand on a day. */
  mayUse(day) {
    const { today, first, last, editable } = this.limits;
    return editable && day >= today && day >= first && day <= last;
  }

  // ---- edits

  /** Put an entry in place of a session (or add it); reason and note go with it when it is saved, and none if blank. */
  put(id, entry, why = {}, label = "changed") {
    this.#step({ ...this.current, [id]: entry }, this.#noted(id, why), label);
    return id;
  }

  add(entry, why = {}, label = "added") {
    return this.put(newId(), entry, why, label);
  }

  duplicate(id, day = this.current[id].day) {
    const copy = { ...structuredClone(this.current[id]), day, locked: false };
    return this.add(copy, {}, "duplicated");
  }

  move(id, day) {
    if (this.whyTied(id) || !this.mayUse(day) || this.current[id].day === day) return false;
    this.put(id, { ...this.current[id], day }, this.notes[id], "moved");
    return true;
  }

  remove(id, why = this.notes[id] ?? {}) {
    if (this.whyTied(id)) return false;
    const { [id]: _, ...rest } = this.current;
    this.#step(rest, this.#noted(id, why), "removed");
    return true;
  }

  #noted(id, { reason = "", note = "" }) {
    const { [id]: _, ...others } = this.notes;
    return reason || note ? { ...others, [id]: { reason, note } } : others;
  }

  /** Put one session back to how another state (head or baseline) has it. */
  revert(id, to = this.head) {
    const { [id]: _, ...rest } = this.current;
    const { [id]: __, ...notes } = this.notes;
    this.#step(to[id] ? { ...rest, [id]: to[id] } : rest, notes, "reverted");
  }

  /** Put everything back: to the head, or to the machine's version (days that are past stay as they are). */
  revertAll(to = this.head) {
    const { today } = this.limits;
    const keep = (sessions, isPast) => Object.entries(sessions).filter(([, entry]) => entry.day < today === isPast);
    const past = Object.fromEntries(keep(this.current, true));
    const ahead = keep(to, false).filter(([id]) => !(id in past));
    this.#step({ ...past, ...Object.fromEntries(ahead) }, {}, "reverted");
  }

  undo() {
    const last = this.past.pop();
    if (!last) return "";
    this.current = last.current;
    this.notes = last.notes;
    this.tell("undone");
    return last.label;
  }

  #step(current, notes, label) {
    this.past.push({ current: this.current, notes: this.notes, label });
    this.current = current;
    this.notes = notes;
    this.tell(label);
  }

  // ---- what it comes to

  /** Return the unsaved changes, by day. */
  get edits() {
    return changesBetween(this.head, this.current);
  }

  get isDirty() {
    return this.edits.length > 0;
  }

  get operations() {
    return patchBetween(this.head, this.current, this.notes);
  }

  /** Return a session's mark: {sign: + − ~ or "", unsaved: bool}. */
  markOf(id) {
    const [was, first, now] = [this.head[id], this.baseline[id], this.current[id]];
    const sign = (before) => (same(before ?? null, now ?? null) ? "" : !before ? "+" : !now ? "−" : "~");
    const unsaved = sign(was);
    return unsaved ? { sign: unsaved, unsaved: true } : { sign: sign(first), unsaved: false };
  }

  // ---- saving and merging

  /** Take over what the server stored. Edits made while it was saving stay edits. */
  saved(head) {
    this.head = shared(head, this.baseline);
    this.current = shared(this.current, this.head);
    this.#keepNotesOfEdits();
    this.tell("saved");
  }

  /** Compare with a head that somebody else saved; nothing is changed yet. */
  compareWith(newHead) {
    return threeWay(this.head, this.current, newHead);
  }

  /** Go on from a newer head; `theirsWin` holds the choices (see `threeWay`) in which their side wins. */
  rebase(newHead, theirsWin = new Set()) {
    const { sessions } = threeWay(this.head, this.current, newHead, theirsWin);
    this.head = shared(newHead, this.baseline);
    this.current = shared(sessions, this.head);
    this.past = []; // an older step would silently take back what they saved
    this.#keepNotesOfEdits();
    this.tell("rebased");
  }

  #keepNotesOfEdits() {
    this.notes = Object.fromEntries(this.edits.filter(({ id }) => this.notes[id]).map(({ id }) => [id, this.notes[id]]));
  }

  /** Return what must outlive a crash: each edited session as it was and as it is. */
  stored() {
    const edits = this.edits.map(({ id, before, after }) => [id, { before, after }]);
    return edits.length ? { edits: Object.fromEntries(edits), notes: this.notes } : null;
  }

  /**
   * Bring stored edits back. They may come from an older head: returns the merge, whose disputed parts are mine until
   * it is asked again with `theirsWin`.
   */
  restore({ edits, notes }, theirsWin = new Set()) {
    const overlay = (side) => {
      const sessions = { ...this.head };
      for (const [id, sides] of Object.entries(edits)) {
        delete sessions[id];
        if (sides[side]) sessions[id] = sides[side];
      }
      return sessions;
    };
    const merge = threeWay(overlay("before"), overlay("after"), this.head, theirsWin);
    this.#step(shared(merge.sessions, this.head), notes ?? {}, "restored");
    return merge;
  }
}
