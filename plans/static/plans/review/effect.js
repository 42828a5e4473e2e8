// The right-hand side: what the edits do to race day, the guards they touch, and the edits themselves.

import { chipTitle, KINDS } from "./calendar.js";
import { badgesOf, changesBetween, percent, percentText, same, totalsOf } from "./diff.js";
import { numberText, titleText } from "./reading.js";
import { minutesOf } from "./steps.js";
import { clockText, fill, fullDay, guardName, h, hoursText, MINUS, momentText, plural, signed, symbol, t, tidy, weekdayName } from "./text.js";

const LEAST_WEEK_PERCENT = 10;
const SIGNS = { added: "+", removed: "−", replaced: "~" };
const SIGN_CLASS = { added: "rv-added", removed: "rv-removed", replaced: "rv-edited" };

const paceChange = (seconds) => (seconds > 0 ? t`${clockText(seconds)} slower` : t`${clockText(seconds)} faster`);

export class EffectPanel {
  /** `places`: elements by name (whatif, guards, edits, strip); `on`: retry(), show(id, day). */
  constructor(places, { model, predicted, goalSeconds, reasons, weekNumber, on }) {
    Object.assign(this, { places, model, predicted, goalSeconds, weekNumber, on, reasons: Object.fromEntries(reasons), against: "baseline" });
    this.state = { status: "settled", answer: null, count: 0, error: null };
  }

  setState(state) {
    this.state = state;
    this.render();
  }

  render() {
    this.#whatIf();
    this.#guards();
    this.#edits();
  }

  // ---- race day

  #numbers() {
    const { answer } = this.state;
    return { before: answer ? answer.before : this.predicted, after: answer ? answer.after : this.predicted, delta: answer?.delta ?? null, form: answer?.after_series?.form?.at(-1) };
  }

  #value(outcome) {
    return outcome.unit === "s" ? clockText(outcome.value) : `${Math.round(outcome.value)} ${outcome.unit}`;
  }

  #half(outcome) {
    const half = (outcome.high - outcome.low) / 2;
    return `±${outcome.unit === "s" ? clockText(half) : `${Math.round(half)} ${outcome.unit}`}`;
  }

  #whatIf() {
    const edits = this.model.edits.length;
    const { status, error, answer } = this.state;
    const numbers = this.#numbers();
    const reference = this.against === "head" ? this.model.head : this.model.baseline;
    const title = edits ? t`with the ${plural(edits, "unsaved edit")}` : t("as saved, nothing unsaved");
    fill(this.places.whatif,
      h("h2", {}, t("What if "), h("small", {}, title)),
      h("div", { class: status === "computing" ? "rv-computing" : "" }, this.#outcome(numbers)),
      status === "computing" && h("p", { class: "rv-busy" }, h("span", { class: "rv-spin", "aria-hidden": "true" }), edits ? t`Computing with ${plural(edits, "edit")}` : t("Computing")),
      status === "failed" && this.#failure(error, answer),
      h("p", { class: "rv-badges", "aria-label": this.against === "head" ? t("Against the last version") : t("Against the machine’s version") },
        [this.#weekBadge(reference), ...badgesOf(reference, this.model.current)].filter(Boolean).map((text) => h("span", { class: "rv-badge" }, text))));
    this.#strip(numbers, status);
  }

  /** Name the week whose hours change most, from ten percent. */
  #weekBadge(reference) {
    const [was, now] = [totalsOf(reference).weeks, totalsOf(this.model.current).weeks];
    const shifts = Object.entries(was).map(([monday, week]) => [monday, percent(week.minutes, now[monday]?.minutes ?? 0)]);
    const [monday, most] = shifts.reduce((best, one) => (Math.abs(one[1] ?? 0) > Math.abs(best[1]) ? one : best), ["", 0]);
    return Math.abs(most) >= LEAST_WEEK_PERCENT ? percentText(most, t`Volume W${this.weekNumber(monday)}`) : "";
  }

  #outcome({ before, after, delta, form }) {
    if (!after) return h("p", { class: "mc-muted" }, t("No prediction: there is no test to start from."));
    const changed = before && this.#value(before) !== this.#value(after);
    return [
      h("p", { class: "rv-race" }, changed && h("span", {}, `${this.#value(before)} → `), h("b", {}, this.#value(after)), h("span", { class: "rv-pm", title: t("80 % interval") }, this.#half(after))),
      h("p", { class: "rv-deltas" }, delta && this.model.isDirty && this.#delta(delta), this.#overGoal(after), form !== undefined && h("span", {}, t("form "), h("b", {}, signed(form)))),
    ];
  }

  #delta({ value, low, high, unit }) {
    if (unit !== "s") return h("b", {}, `${signed(value)} ${unit}`);
    if (Math.abs(value) < 0.5) return h("span", {}, t("no change of the time"));
    const range = [low, high].map((v) => (v < 0 ? MINUS : "") + clockText(v)).join(t(" to "));
    return h("b", { class: value > 0 ? "rv-worse" : "rv-better", title: t`80 % interval ${range}` }, paceChange(value));
  }

  #overGoal(after) {
    if (!this.goalSeconds || after.unit !== "s") return null;
    const over = after.value - this.goalSeconds;
    return h("span", {}, over > 0 ? t`${clockText(over)} over goal` : t`${clockText(over)} under goal`);
  }

  #failure(error, answer) {
    const age = answer ? t`The numbers are from ${momentText(answer.at)}.` : t("The numbers are those of the saved version.");
    return h("div", { class: "rv-fail", role: "status" }, h("p", {}, h("b", {}, t("No prediction for these edits. ")), [error.message, ...(error.details ?? []).slice(0, 3), age].join(" ")),
      h("button", { type: "button", class: "rv-link", onclick: () => this.on.retry() }, t("Try again")));
  }

  /** The line that stands above the tabs on a phone. */
  #strip({ before, after, form }, status) {
    const part = (label, value) => h("span", {}, h("small", {}, label), h("b", {}, value));
    this.places.strip.classList.toggle("rv-computing", status === "computing");
    if (!after) return fill(this.places.strip, h("span", {}, t("No prediction yet")));
    const changed = before && this.#value(before) !== this.#value(after);
    return fill(this.places.strip, part(t("Race day"), `${changed ? `${this.#value(before)} → ` : ""}${this.#value(after)}`), part(t("Interval"), this.#half(after)), form !== undefined && part(t("Form"), signed(form)));
  }

  /** Return what was settled, in one sentence for screen readers. */
  spoken() {
    const { after, delta } = this.#numbers();
    if (!after) return t("No prediction.");
    const moved = delta && Math.abs(delta.value) >= 0.5 ? `, ${paceChange(delta.value)}` : "";
    return t`Race day ${this.#value(after)}${moved}. ${plural(this.guards.length, "guard")}.`;
  }

  // ---- guards

  get guards() {
    return this.state.answer?.guards ?? [];
  }

  /** Return the safety guards that the machine's version kept and this one does not, whether saved already or not. */
  get #sinceMachine() {
    return this.state.answer?.submission.guards ?? [];
  }

  /** Return the safety guards for which a submission would ask for a reason: none where every edit has one. */
  get toReason() {
    return this.state.answer?.submission.needs_reason ? this.#sinceMachine : [];
  }

  #guards() {
    const asked = Boolean(this.state.answer);
    const shown = asked ? [this.guards, this.state.answer.submission] : null;
    if (asked && same(this.shownGuards ?? null, shown)) return; // what somebody opened stays open
    this.shownGuards = shown;
    const [safety, others] = [true, false].map((kind) => this.guards.filter((guard) => guard.safety === kind).sort((a, b) => b.new - a.new));
    const since = new Set(this.#sinceMachine.map(({ guard, where }) => `${guard} ${where}`));
    const tag = (guard) => {
      if (guard.new) return h("span", { class: "rv-new", title: t("Broken by the unsaved edits") }, "new");
      return since.has(`${guard.guard} ${guard.where}`) && h("span", { class: "rv-new rv-since", title: t("Broken by saved edits; the machine’s version keeps it") }, t("by saved edits"));
    };
    const item = (guard) => h("li", { class: guard.safety ? "rv-unsafe" : "" }, symbol(guard.safety ? "warning" : "info", "rv-gicon"),
      h("details", {}, h("summary", {}, h("b", {}, guardName(guard)), tag(guard), h("small", {}, t`missed by ${numberText(guard.amount)} ${t(guard.unit)}`)), h("small", {}, guard.message)));
    fill(this.places.guards, h("h2", {}, t("Guards "), h("span", { class: `rv-count${safety.length ? " rv-warn" : ""}` }, asked ? String(this.guards.length) : "–")),
      since.size > 0 && this.#reasonLine(since.size),
      safety.length > 0 && h("ul", { class: "rv-list" }, safety.map(item)),
      others.length > 0 && h("details", {}, h("summary", {}, plural(others.length, "guard that is not about safety", "guards that are not about safety")), h("ul", { class: "rv-list" }, others.map(item))),
      !this.guards.length && h("p", { class: "mc-muted" }, asked ? t("No guard is broken.") : t("Not checked yet.")));
  }

  #reasonLine(count) {
    const broken = t`${plural(count, "safety guard")} broken that the machine’s version keeps: `;
    if (!this.toReason.length) return h("p", { class: "rv-reasons" }, broken, t("every edit has its reason."));
    return h("p", { class: "rv-reasons rv-worse" }, broken, t("submitting will ask for a reason, unless every edit has one."));
  }

  // ---- edits

  #edits() {
    const { model } = this;
    const unsaved = model.edits;
    const touched = new Set(unsaved.map(({ id }) => id));
    const saved = changesBetween(model.baseline, model.head).filter(({ id }) => !touched.has(id));
    fill(this.places.edits, h("h2", {}, t("Unsaved edits "), h("span", { class: "rv-count" }, String(unsaved.length))),
      unsaved.length ? h("ul", { class: "rv-list" }, unsaved.map((change) => this.#edit(change, model.head))) : h("p", { class: "mc-muted" }, model.limits.editable ? t("None. Open a session, drag it, or press N on a day.") : t("None.")),
      saved.length > 0 && h("details", { open: this.savedOpen, ontoggle: (event) => { this.savedOpen = event.target.open; } },
        h("summary", {}, t`Saved in this draft, ${saved.length}`), h("ul", { class: "rv-list" }, saved.map((change) => this.#edit(change, model.baseline)))));
  }

  #edit(change, to) {
    const { id, before, after } = change;
    const entry = after ?? before;
    const { reason, note } = this.model.notes[id] ?? {};
    const minutes = (after ? minutesOf(after) : 0) - (before ? minutesOf(before) : 0);
    const load = (after?.load ?? 0) - (before?.load ?? 0);
    const facts = [this.reasons[reason], `${signed(minutes, hoursText)} h`, signed(load), note].filter(Boolean).join(" · ");
    const goes = to === this.model.head ? t("as saved") : t("the machine’s version");
    return h("li", { class: SIGN_CLASS[change.change] },
      h("span", { class: "rv-sign", "aria-hidden": "true" }, SIGNS[change.change]),
      h("button", { type: "button", class: "rv-edit", onclick: () => this.on.show(id, entry.day) }, h("b", {}, `W${this.weekNumber(entry.day)} ${weekdayName(entry.day)} `), this.#words(change), h("small", {}, facts)),
      this.model.limits.editable && h("button", { type: "button", class: "rv-icon", title: t`Revert to ${goes}`, "aria-label": t`Revert ${titleText(entry.title)} on ${fullDay(entry.day)} to ${goes}`, onclick: () => this.model.revert(id, to) }, "↶"));
  }

  #words({ before, after }) {
    if (!before) return t`${chipTitle(after)} added`;
    if (!after) return t`${titleText(before.title)} removed`;
    if (before.day !== after.day) return t`${titleText(after.title)}, from ${fullDay(before.day)}`;
    if (before.kind !== after.kind) return `${KINDS[before.kind][1]} → ${KINDS[after.kind][1]}`;
    return before.title === after.title ? titleText(after.title) : `${titleText(before.title)} → ${titleText(after.title)}`;
  }
}
