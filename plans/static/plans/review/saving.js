// Saving and submitting: what is sent, what the server refuses, and how nothing is lost when it does.

import { same } from "./diff.js";
import { newId, sessionsOf } from "./state.js";
import { fullDay, t } from "./text.js";

export class Saving {
  /** `head`: {id, etag} of the version that edits are based on; `on`: busy, saved, conflict, notice, submitted. */
  constructor({ model, api, head, on }) {
    Object.assign(this, { model, api, head, on, running: null, sent: null });
  }

  /** Save the unsaved edits; returns whether everything is saved. Asked again meanwhile, it waits for the first. */
  save() {
    this.running ??= this.#save().finally(() => {
      this.running = null;
      this.on.busy(false);
    });
    return this.running;
  }

  async #save() {
    const operations = this.model.operations;
    const sessions = { ...this.model.current };
    if (!operations.length) return true;
    this.on.busy(true);
    // The same edits sent again after a lost answer carry the same key, so that they count once.
    if (!same(this.sent?.operations ?? null, operations)) this.sent = { operations, key: newId() };
    try {
      const { data, etag } = await this.api.save(this.head.id, operations, this.head.etag, this.sent.key);
      this.sent = null;
      this.take(data, etag, sessions);
      this.on.saved(data);
      return true;
    } catch (problem) {
      if (problem.status) this.sent = null;
      await this.#refused(problem, operations);
      return false;
    }
  }

  /** Go on from what the server stored: `sessions` as they were sent, where its answer leaves them out. */
  take(version, etag, sessions = null) {
    this.head = { id: version.id, etag: etag ?? version.etag };
    this.model.saved(version.weeks ? sessionsOf(version) : sessions);
  }

  async #refused(problem, operations) {
    if (problem.status === 412) return this.on.conflict(problem);
    if (!(problem.problem instanceof Object)) throw problem;
    this.on.notice(problem.isOffline ? t("Not saved, no connection. Your edits are kept in this browser.") : t`Not saved. ${problem.message}`, this.#named(problem, operations));
  }

  /** Return the faults by session: a pointer such as /3/value names the operation. */
  #named(problem, operations) {
    return (problem.problem.errors ?? []).map(({ pointer, detail }) => {
      const operation = operations[Number((pointer ?? "").split("/")[1])];
      const id = operation?.path.split("/")[2];
      const entry = this.model.current[id] ?? this.model.head[id];
      return entry ? `${fullDay(entry.day)}, ${entry.title}: ${detail}` : detail;
    });
  }

  /** Save what is unsaved, then submit; returns null when it is done, else the guards that want a reason. */
  async submit(wish) {
    if (!(await this.save())) return [];
    if (!same(this.wish?.wish ?? null, wish)) this.wish = { wish, key: newId() };
    try {
      const { data, etag } = await this.api.submit(wish, this.head.etag, this.wish.key);
      this.wish = null;
      this.head.etag = etag ?? this.head.etag;
      this.on.submitted(data);
      return null;
    } catch (problem) {
      if (problem.status) this.wish = null;
      if (problem.is?.("reason-required")) return problem.problem.guards;
      if (problem.status === 412) this.on.conflict(problem);
      else this.on.notice(t`Not submitted. ${problem.message}`, problem.details ?? []);
      return [];
    }
  }

  /** Fetch what somebody else saved: {version, etag, sessions, baseline (sessions or null where it is the same)}. */
  async theirs(problem, baselineId) {
    const { data: rows } = await this.api.versions();
    const listed = rows.results ?? rows;
    const id = problem.problem.head_version_id ?? listed[0].id;
    const { data: version, etag } = await this.api.version(id);
    const newBaseline = listed.find((row) => row.id === id)?.baseline_id ?? id;
    const baseline = newBaseline === baselineId ? null : sessionsOf((await this.api.version(newBaseline)).data);
    return { version, etag, sessions: sessionsOf(version), versions: listed, baseline, baselineId: newBaseline };
  }
}

/** Unsaved edits, kept in this tab under the plan and the version that they are based on. */
export class Shelf {
  constructor(planId) {
    this.prefix = `mesocycle.review.${planId}.`;
  }

  put(versionId, stored) {
    this.clear();
    try {
      if (stored) sessionStorage.setItem(this.prefix + versionId, JSON.stringify({ ...stored, at: new Date().toISOString() }));
    } catch {
      // A full or forbidden storage must not stop anybody from editing; leaving the page still asks.
    }
  }

  /** Return what was kept last: {versionId, edits, notes, at}, or null. */
  find() {
    try {
      const key = Object.keys(sessionStorage).find((name) => name.startsWith(this.prefix));
      return key ? { versionId: key.slice(this.prefix.length), ...JSON.parse(sessionStorage.getItem(key)) } : null;
    } catch {
      return null;
    }
  }

  clear() {
    try {
      for (const key of Object.keys(sessionStorage)) if (key.startsWith(this.prefix)) sessionStorage.removeItem(key);
    } catch {
      // See above.
    }
  }
}
