// The calendar: a grid with one tab stop, weeks as rows, sessions as chips that open, move and say how they changed.

import { changesBetween, percent, same, totalsOf } from "./diff.js";
import { distanceText, titleText } from "./reading.js";
import { minutesOf } from "./steps.js";
import { addDays, dayOfMonth, fill, fullDay, h, hoursText, longDay, MINUS, mondayOf, plural, shortDay, symbol, t, tidy, weekdayName, weekdayOf } from "./text.js";

export const KINDS = {
  easy: ["E", t("Easy")], long: ["L", t("Long")], tempo: ["T", t("Tempo")], interval: ["I", t("Interval")], repetition: ["R", t("Repetition")],
  race: ["⚑", t("Race")], strength: ["S", t("Strength")], rest: ["–", t("Rest")],
};
const SIGN_WORDS = { "+": t("added"), "−": t("removed"), "~": t("changed") };
const SIGN_CLASS = { "+": "rv-added", "−": "rv-removed", "~": "rv-edited" };

/** Return a title short enough for a chip: what duration or kind says already is left out, minutes become 10′. */
export function chipTitle(entry) {
  const title = titleText(entry.title);
  const rest = entry.title.startsWith("Long ") ? title.slice(t("Long").length + 1) : title;
  if (entry.kind === "long") return /^\d+:\d\d$/.test(rest) ? t("Long") : rest;
  if (entry.kind === "easy") return title.replace(/ ([\d.,]+ (?:km|mi)|\d+:\d\d)$/, "");
  return title.replace(/(\d) min$/, "$1′").replace(/(\d) s$/, "$1″").replace(/×(\d+)000 m$/, "×$1 km").replace(/ (k?m)$/, "\u202f$1");
}

/** What became of a session: its class, its sign of the icon font, its words on the chip and for screen readers. */
const OUTCOMES = {
  done: { class: "rv-done", sign: "check", word: "", said: t("done") },
  partly: { class: "rv-done rv-partly", sign: "contrast", word: "", said: t("done in part") },
  missed: { class: "rv-missed", sign: "close", word: t("missed"), said: t("missed") },
  unknown: { class: "rv-missed rv-unknown", sign: "", word: t("no data"), said: t("nothing recorded") },
};

/** Return what became of a session in words; `planned` says what was due. */
export function outcomeText({ status, minutes, load, distance_km: km, rpe }, planned) {
  const done = [minutes !== null && minutes !== undefined && t`${hoursText(minutes)} hours`, km && distanceText(km), load !== null && load !== undefined && t`load ${Math.round(load)}`, rpe !== null && rpe !== undefined && t`RPE ${rpe}`];
  return [OUTCOMES[status].said, ...done, t`planned ${planned}`].filter(Boolean).join(", ");
}

export class Calendar {
  /** `past`: {sessions, extra, weeks}, what happened; `on`: open(id), add(day), say(text), commentsOn(id) → number. */
  constructor(root, { model, weeks, past, adjustments, on }) {
    Object.assign(this, { root, model, weeks, past, adjustments, on, against: "baseline", moving: null });
    const { today, first, last } = model.limits;
    this.focus = { day: today < first ? first : today > last ? first : today, id: null };
    root.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("focusin", (event) => this.#focused(event.target.closest("[data-item]")));
    for (const name of ["dragstart", "dragover", "dragleave", "drop", "dragend"]) {
      root.addEventListener(name, (event) => this.#dragged(name, event));
    }
  }

  get reference() {
    return this.against === "head" ? this.model.head : this.model.baseline;
  }

  // ---- drawing

  render() {
    const hadFocus = this.root.contains(document.activeElement);
    const scrolled = this.root.scrollTop;
    this.#collect();
    const groups = [];
    for (const week of this.weeks) {
      if (groups.at(-1)?.phase !== week.phase) groups.push({ phase: week.phase, rows: [] });
      groups.at(-1).rows.push(this.#week(week));
    }
    fill(this.root, this.#head(), groups.map(({ phase, rows }) =>
      h("div", { class: "rv-group", role: "rowgroup", "aria-label": t(phase) },
        h("div", { class: "rv-phase", "aria-hidden": "true" }, h("span", {}, t(phase))), h("div", { class: "rv-rows" }, rows))));
    this.root.scrollTop = scrolled;
    this.#placeFocus(hadFocus);
  }

  #collect() {
    const byDay = new Map();
    const put = (day, item) => byDay.set(day, [...(byDay.get(day) ?? []), item]);
    for (const [id, entry] of Object.entries(this.model.current)) put(entry.day, { id, entry });
    for (const { id, before, after } of changesBetween(this.reference, this.model.current)) {
      if (before && !after) put(before.day, { id, entry: before, gone: true });
      if (before && after && before.day !== after.day) put(before.day, { id, entry: after, movedTo: after.day });
    }
    this.byDay = byDay;
    this.begins = Object.values(this.model.baseline).reduce((first, { day }) => (day < first ? day : first), this.model.limits.last);
    this.totals = totalsOf(this.model.current).weeks;
    this.before = totalsOf(this.reference).weeks;
    this.heaviest = Math.max(1, ...[this.totals, this.before].flatMap((weeks) => Object.values(weeks).map((week) => week.load)));
  }

  #head() {
    const names = [t("Mon"), t("Tue"), t("Wed"), t("Thu"), t("Fri"), t("Sat"), t("Sun"), t("Week h · load")];
    return h("div", { class: "rv-weekdays", role: "row" }, names.map((name) => h("span", { role: "columnheader" }, name)));
  }

  #week(week) {
    const days = Array.from({ length: 7 }, (_, i) => addDays(week.monday, i));
    return h("div", { class: `rv-week${week.is_recovery ? " rv-recovery" : ""}`, role: "row", data: { monday: week.monday } },
      days.map((day) => this.#day(week, day)), this.#total(week));
  }

  #day(week, day) {
    const { today, raceDay } = this.model.limits;
    const items = this.byDay.get(day) ?? [];
    const open = this.model.mayUse(day);
    const classes = ["rv-day", day === today && "rv-today", day < today && "rv-past", day === raceDay && "rv-raceday", !items.length && "rv-empty"];
    const number = weekdayOf(day) === 0 || dayOfMonth(day) === 1 ? shortDay(day) : String(dayOfMonth(day));
    return h("div", { class: classes.filter(Boolean).join(" "), role: "gridcell", data: { day } },
      h("div", { class: "rv-date", "aria-hidden": "true" },
        weekdayOf(day) === 0 && h("b", {}, `W${week.number} `), h("span", { class: "rv-dow" }, `${weekdayName(day)} `), number,
        day === today && h("span", { class: "rv-now" }, t("today"))),
      h("div", { class: "rv-items" },
        items.filter((item) => item.movedTo).map((item) => this.#movedAway(item)),
        items.filter((item) => !item.movedTo).map((item) => this.#chip(item)),
        (this.past.extra[day] ?? []).map((activity) => this.#extra(activity)),
        items.some((item) => !item.movedTo) || this.#restButton(day, open, items.length > 0)));
  }

  /** An activity that stands for no session of the plan. */
  #extra({ sport, minutes, load }) {
    return h("span", { class: "rv-extra", title: t`${t(sport)}, not in the plan` }, h("span", { class: "mc-hidden" }, t`Also done, not in the plan: ${t(sport)} `),
      h("span", {}, symbol("add", "rv-done-sign"), hoursText(minutes)), h("span", {}, load === null ? "" : String(Math.round(load))));
  }

  #restButton(day, open, isLeft) {
    const { raceDay } = this.model.limits;
    const text = day < this.begins || day > raceDay || isLeft || this.past.extra[day] ? "" : t("Rest");
    return h("button", { type: "button", class: "rv-rest", tabindex: "-1", data: { item: "", day }, "aria-label": open ? t`${longDay(day)}, no session, add one` : t`${longDay(day)}, no session`, "aria-disabled": open ? null : "true" },
      h("span", {}, text), open && h("span", { class: "rv-plus", "aria-hidden": "true" }, "+"));
  }

  #movedAway({ entry, movedTo }) {
    const near = mondayOf(movedTo) === mondayOf(entry.day);
    return h("span", { class: "rv-moved" }, t`${chipTitle(entry)} moved to ${near ? weekdayName(movedTo) : shortDay(movedTo)}`);
  }

  #chip({ id, entry, gone }) {
    const { model } = this;
    const mark = model.markOf(id);
    const shown = mark.sign && (mark.unsaved || this.against === "baseline");
    const comments = this.on.commentsOn(id);
    const marks = shown ? `${SIGN_CLASS[mark.sign]} ${mark.unsaved ? "rv-unsaved" : "rv-saved"}` : "";
    const goal = !gone && model.isGoalRace(entry) ? "rv-goal" : "";
    const past = gone ? null : this.past.sessions[id];
    const outcome = past ? OUTCOMES[past.status] : null;
    const adjusted = !gone && !outcome && id in this.adjustments && same(entry, model.baseline[id] ?? null);
    return h("button", {
      type: "button", tabindex: "-1", class: `mc-chip rv-chip mc-${entry.kind} ${marks} ${goal} ${outcome?.class ?? ""}`,
      draggable: !gone && !model.whyTied(id), data: { item: id, day: entry.day, ...(gone && { gone: "1" }) },
      "aria-label": this.#label(entry, { mark: shown ? mark : null, gone, comments, past, adjusted }),
    },
      h("span", { class: "t" }, h("i", { "aria-hidden": "true" }, KINDS[entry.kind]?.[0] ?? "·"), h("span", {}, chipTitle(entry))),
      h("span", { class: "v" }, this.#status(entry, past, outcome, adjusted),
        comments > 0 && h("span", { class: "rv-talk", "aria-hidden": "true" }, `✎${comments}`),
        h("span", {}, String(Math.round(past?.load ?? entry.load)))),
      shown && h("span", { class: "rv-mark", "aria-hidden": "true" }, mark.sign));
  }

  /** Status sign and duration: what was done where something was, else what is planned. */
  #status(entry, past, outcome, adjusted) {
    if (adjusted && !entry.locked) return h("span", {}, symbol("tune", "rv-lock rv-tuned"), hoursText(minutesOf(entry)));
    const sign = outcome?.sign ? symbol(outcome.sign, "rv-done-sign") : entry.locked && !outcome && symbol("lock", "rv-lock");
    return h("span", {}, sign, outcome?.word || hoursText(past?.minutes ?? minutesOf(entry)));
  }

  #label(entry, { mark, gone, comments, past, adjusted }) {
    const planned = t`${hoursText(minutesOf(entry))} hours, load ${Math.round(entry.load)}`;
    const words = [
      longDay(entry.day), KINDS[entry.kind]?.[1] ?? entry.kind, titleText(entry.title), past ? outcomeText(past, planned) : planned,
      entry.key_session && t("key session"), entry.locked && t("locked"), adjusted && t("adjusted beforehand"),
      mark && `${SIGN_WORDS[mark.sign]}, ${mark.unsaved ? t("unsaved") : t("saved in this draft")}`, comments > 0 && plural(comments, "comment"),
    ];
    return words.filter(Boolean).join(", ") + (gone ? t(". Press Enter to bring it back.") : "");
  }

  #total(week) {
    const now = this.totals[week.monday] ?? { minutes: 0, load: 0 };
    const was = this.before[week.monday] ?? { minutes: 0, load: 0 };
    const change = percent(was.minutes, now.minutes);
    const differs = Math.abs(now.load - was.load) >= 0.5;
    const share = (load) => `${Math.min(100, (100 * load) / this.heaviest).toFixed(1)}%`;
    const name = this.against === "head" ? "saved" : "base";
    const did = this.past.weeks[week.monday];
    return h("div", { class: "rv-total", role: "gridcell" },
      h("div", { class: "rv-weekname", "aria-hidden": "true" }, h("b", {}, `W${week.number}`), ` ${shortDay(week.monday)} – ${shortDay(addDays(week.monday, 6))}`),
      h("div", {}, h("b", { class: "rv-hours" }, hoursText(now.minutes)),
      change !== null && Math.abs(change) >= 0.5 && h("span", { class: `rv-percent${change > 10 || change < -20 ? " rv-much" : ""}` }, `${change > 0 ? "+" : MINUS}${Math.abs(change).toFixed(0)} %`)),
      h("span", { class: "rv-bar", "aria-hidden": "true" }, h("i", { style: `width:${share(now.load)}` }), h("em", { style: `left:${share(was.load)}` })),
      h("div", {}, h("span", { class: "rv-load" }, String(Math.round(now.load))), 
        did !== undefined ? h("span", { class: "rv-did", title: t("Load of everything done so far in this week, planned or not") }, t`did ${Math.round(did)}`) : differs && h("span", { class: "rv-base" }, `${name} ${Math.round(was.load)}`)));
  }

  // ---- focus and keys: one tab stop, arrows between days

  #items(day) {
    return [...this.root.querySelectorAll(`[data-day="${day}"] [data-item]`)];
  }

  #placeFocus(take) {
    const items = this.#items(this.focus.day);
    const item = items.find((element) => element.dataset.item === (this.focus.id ?? "")) ?? items[0] ?? this.root.querySelector("[data-item]");
    if (!item) return;
    this.root.querySelector("[data-item][tabindex='0']")?.setAttribute("tabindex", "-1");
    item.setAttribute("tabindex", "0");
    if (take) item.focus({ preventScroll: true });
  }

  #focused(item) {
    if (!item) return;
    this.root.querySelector("[data-item][tabindex='0']")?.setAttribute("tabindex", "-1");
    item.setAttribute("tabindex", "0");
    this.focus = { day: item.dataset.day, id: item.dataset.item || null };
  }

  /** Put the keyboard on a session or day. */
  goTo(day, id = null) {
    this.focus = { day, id };
    this.#placeFocus(true);
    document.activeElement?.scrollIntoView({ block: "nearest" });
  }

  /** Scroll to a day's week, below the row of weekdays. */
  show(day) {
    const row = this.root.querySelector(`[data-monday="${mondayOf(day)}"]`);
    const head = this.root.querySelector(".rv-weekdays")?.offsetHeight ?? 0;
    if (row) this.root.scrollTop += row.getBoundingClientRect().top - this.root.getBoundingClientRect().top - head;
  }

  /** Go `days` on; within a day with several sessions, up and down go through them first. */
  step(days) {
    const items = this.#items(this.focus.day);
    const here = items.findIndex((element) => element === document.activeElement);
    const next = items[here + Math.sign(days)];
    if (!this.moving && Math.abs(days) === 7 && here >= 0 && next) return next.focus();
    this.#stepTo(addDays(this.moving?.day ?? this.focus.day, days));
  }

  #stepTo(day) {
    if (!this.root.querySelector(`.rv-day[data-day="${day}"]`)) return;
    if (this.moving) this.#aim(day);
    else this.goTo(day);
  }

  edge(toEnd) {
    this.#stepTo(addDays(mondayOf(this.moving?.day ?? this.focus.day), toEnd ? 6 : 0));
  }

  // ---- moving: by keyboard (start, aim, drop) and by drag

  startMove() {
    const { id, day } = this.focus;
    const why = id ? this.model.whyTied(id) : t("Choose a session first.");
    if (why) return this.on.say(why);
    this.moving = { id, day };
    this.#aim(day);
    this.on.say(t`Moving ${titleText(this.model.current[id].title)}. Arrows choose the day, Enter puts it there, Escape leaves it.`);
  }

  #aim(day) {
    this.moving.day = day;
    this.#mark(day);
    this.root.querySelector(`.rv-day[data-day="${day}"]`).scrollIntoView({ block: "nearest" });
    this.on.say(`${longDay(day)}${this.model.mayUse(day) ? "" : t(", not possible")}`);
  }

  #mark(day) {
    this.root.querySelector(".rv-target")?.classList.remove("rv-target", "rv-no");
    const cell = day && this.root.querySelector(`.rv-day[data-day="${day}"]`);
    cell?.classList.add("rv-target", ...(this.model.mayUse(day) ? [] : ["rv-no"]));
  }

  endMove(drop) {
    const { id, day } = this.moving;
    this.moving = null;
    this.#mark(null);
    if (drop) this.#drop(id, day);
    else this.on.say(t("Not moved."));
  }

  #drop(id, day) {
    this.focus = { day, id };
    if (this.model.move(id, day)) {
      this.on.say(t`Moved to ${fullDay(day)}.`);
      this.goTo(day, id);
    } else {
      this.focus = { day: this.model.current[id]?.day ?? day, id };
    }
  }

  #dragged(name, event) {
    const cell = event.target.closest?.(".rv-day");
    if (name === "dragstart") {
      const chip = event.target.closest(".rv-chip");
      this.dragging = chip?.dataset.item;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", chip?.getAttribute("aria-label") ?? "");
    } else if (name === "dragover" && this.dragging && cell) {
      this.#mark(cell.dataset.day);
      if (this.model.mayUse(cell.dataset.day)) event.preventDefault();
    } else if (name === "drop" && this.dragging && cell) {
      event.preventDefault();
      const id = this.dragging;
      this.dragging = null; // the chip that was taken is drawn anew, so that its dragend is not heard here
      this.#drop(id, cell.dataset.day);
    } else if (name === "dragend") {
      this.dragging = null;
      this.#mark(null);
    }
  }

  #clicked(event) {
    const item = event.target.closest("[data-item]");
    if (!item) return;
    this.#focused(item);
    if (this.moving) {
      this.moving.day = item.dataset.day;
      return this.endMove(true);
    }
    if (item.dataset.gone) {
      this.model.revert(item.dataset.item, this.model.head[item.dataset.item] ? this.model.head : this.reference);
      this.on.say(t("Brought back."));
    } else if (item.dataset.item) {
      this.on.open(item.dataset.item);
    } else if (this.model.mayUse(item.dataset.day)) {
      this.on.add(item.dataset.day);
    }
  }
}
