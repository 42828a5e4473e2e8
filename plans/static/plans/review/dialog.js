// The dialog of one session: a draft of its entry, fields bound to it, and what the draft comes to.

import { KINDS, outcomeText } from "./calendar.js";
import { same } from "./diff.js";
import { aimText, distanceUnit, inUnit, kmFrom, summaryText, titleText } from "./reading.js";
import { minutesOf, replaced, sessionOf, stepLoad, stepMinutes, stepsOf, withDistance, withDuration, withSteps, without } from "./steps.js";
import { clockText, fill, h, hoursText, longDay, signed, t, tidy } from "./text.js";

const STEP_NAMES = { warmup: t("Warm-up"), work: t("Work"), recovery: t("Recovery"), cooldown: t("Cool-down"), steady: t("Steady") };
const USUAL_MINUTES = 45;
let serial = 0;

export class SessionDialog {
  /** `comments` draws a session's thread into an element; `onPreview` gets the draft as it changes. */
  constructor(dialog, { model, intensity, reasons, past, adjustments, comments, weekOf, say, onPreview, onClosed }) {
    Object.assign(this, { dialog, model, intensity, reasons, past, adjustments, comments, weekOf, say, onPreview, onClosed });
    dialog.addEventListener("close", () => this.#closed());
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        event.stopPropagation();
        this.#save();
      }
    });
  }

  open(id) {
    this.id = id;
    this.#start(this.model.current[id], this.model.head[id] ?? this.model.current[id]);
  }

  /** Open a new session on a day; nothing is added before it is saved. */
  create(day) {
    this.id = null;
    this.#start(sessionOf("easy", day, USUAL_MINUTES, this.intensity), null);
  }

  #start(entry, original) {
    const fixed = this.id ? this.model.whyFixed(this.id) : "";
    Object.assign(this, { entry, draft: entry, original, fixed, tied: this.id ? this.model.whyTied(this.id) : "" });
    this.why = { reason: "", note: "", ...(this.id && this.model.notes[this.id]) };
    this.#draw();
    this.dialog.showModal();
  }

  #closed() {
    this.onPreview(null);
    fill(this.dialog);
    this.onClosed(this.id);
  }

  // ---- drawing: everything once, then values only, so that a field keeps its caret

  #draw() {
    this.fields = [];
    const { draft } = this;
    this.error = h("p", { class: "mc-error", role: "alert" });
    fill(this.dialog, h("form", { class: "rv-session", method: "dialog", onsubmit: (event) => { event.preventDefault(); this.#save(); } },
      this.#header(draft),
      h("div", { class: "rv-cols" },
        h("div", { class: "rv-left" },
          this.fixed && h("p", { class: "rv-note" }, this.#became(draft), this.fixed),
          this.#adjusted(), this.#basics(), this.#steps(), this.#profile = h("div", { class: "rv-profile", role: "img" }), this.#said = h("p", { class: "mc-muted" })),
        h("div", { class: "rv-right" }, this.#whys(), this.#comments())),
      this.preview = h("p", { class: "rv-preview" }),
      this.error, this.#footer()));
    this.#sync();
  }

  /** What became of a session that is past or done. */
  #became(entry) {
    const past = this.past[this.id];
    if (!past) return null;
    const text = outcomeText(past, t`${hoursText(minutesOf(entry))} hours, load ${Math.round(entry.load)}`);
    return h("b", {}, `${text[0].toUpperCase()}${text.slice(1)}. `);
  }

  /** What the machine adjusted beforehand, why, and the way back: an edit like any other. */
  #adjusted() {
    const found = this.id && this.adjustments[this.id];
    if (!found) return null;
    const original = { ...found.original, locked: this.draft.locked };
    const isBack = same(original, this.draft);
    const mayStand = original.day === this.draft.day || (!this.tied && this.model.mayUse(original.day));
    const takeBack = () => {
      this.model.put(this.id, original, this.why, t("taken back"));
      this.dialog.close();
      this.say(t("Taken back, as an unsaved edit."));
    };
    return h("section", { class: "rv-adjusted", "aria-label": t("Adjusted beforehand") },
      h("div", {}, h("p", {}, h("b", {}, t("Pre-adjusted: ")), `${found.reason}.`),
        h("p", { class: "mc-muted" }, t`Without it: ${found.before}.`, isBack && t(" It was taken back."))),
      !this.fixed && !isBack && mayStand && h("button", { type: "button", class: "mc-button", onclick: takeBack }, t("Take it back")));
  }

  #profile;
  #said;
  #stepBody;

  #header(draft) {
    const name = `kind-${++serial}`;
    const tiles = Object.entries(KINDS).filter(([kind]) => kind !== "rest" || draft.kind === "rest").map(([kind, [letter, label]]) =>
      h("label", { class: `rv-kind mc-${kind}`, title: label },
        h("input", { type: "radio", name, value: kind, checked: draft.kind === kind, disabled: Boolean(this.tied), onchange: () => this.#retype(kind), "aria-label": label }), h("span", { "aria-hidden": "true" }, letter)));
    return h("header", { class: "rv-dhead" },
      h("div", { class: "rv-dtitle" }, h("h2", { id: "rv-dialog-title", tabindex: "-1", autofocus: true }, this.id ? titleText(draft.title) : t("New session")),
        h("p", { class: "mc-muted" }, `${longDay(draft.day)}${this.weekOf(draft.day)}`)),
      h("div", { class: "rv-kinds", role: "radiogroup", "aria-label": t("Type of session") }, tiles),
      h("label", { class: "rv-check" }, this.#check("key_session"), t(" Key session")),
      h("label", { class: "rv-check", title: t("The athlete may not move it") }, this.#check("locked"), t(" Locked")),
      h("button", { type: "button", class: "rv-icon", "aria-label": t("Close"), onclick: () => this.dialog.close() }, "✕"));
  }

  #check(name) {
    const input = h("input", { type: "checkbox", disabled: Boolean(this.fixed), onchange: () => this.#change({ ...this.draft, [name]: input.checked }) });
    this.fields.push(() => { input.checked = this.draft[name]; });
    return input;
  }

  #basics() {
    const work = (name, value) => ({ ...this.draft, prescribed_work: { ...this.draft.prescribed_work, [name]: value } });
    const { first, last, today } = this.model.limits;
    const from = this.fixed ? null : today > first ? today : first;
    const runs = this.draft.prescribed_work.distance_km !== undefined;
    return h("div", { class: "rv-basics" },
      this.#field(t("Title"), (d) => d.title, (text) => ({ ...this.draft, title: text }), { type: "text", required: true, maxlength: 60, class: "rv-wide" }),
      this.#field(t("Day"), (d) => d.day, (day) => ({ ...this.draft, day }), { type: "date", min: from, max: last, required: true, disabled: Boolean(this.tied) }),
      this.#field(t("Duration, min"), (d) => tidy(minutesOf(d)), (text) => withDuration(this.draft, Number(text), this.intensity), { type: "number", min: 0, max: 1440, step: "any", required: true }),
      runs && this.#field(t`Distance, ${distanceUnit()}`, (d) => tidy(inUnit(d.prescribed_work.distance_km)), (text) => withDistance(this.draft, Number(kmFrom(Number(text)).toFixed(2)), this.intensity), { type: "number", min: 0, max: 1000, step: "any" }),
      this.#field(t("Load"), (d) => tidy(d.load), (text) => ({ ...this.draft, load: Number(Number(text).toFixed(1)) }), { type: "number", min: 0, max: 1000, step: "any", required: true }),
      h("label", { class: "rv-field rv-wide" }, t("Notes for the athlete"), this.#notes(work)));
  }

  #notes(work) {
    const area = h("textarea", { rows: 2, maxlength: 2000, disabled: Boolean(this.fixed), placeholder: t("Seen once the plan is submitted"), oninput: () => {
      const { notes, ...rest } = this.draft.prescribed_work;
      this.#change(area.value.trim() ? work("notes", area.value) : { ...this.draft, prescribed_work: rest });
    } });
    this.#bind(area, (d) => d.prescribed_work.notes ?? "");
    return area;
  }

  /** One labelled field: `read` gives its text from an entry, `write` a new draft from its text. */
  #field(label, read, write, attributes) {
    const { class: wide, ...rest } = attributes;
    const input = this.#input(read, write, rest);
    const was = h("small", { class: "rv-was" });
    this.fields.push(() => { was.textContent = this.#differs(read) ? t`was ${read(this.original)}` : ""; });
    return h("label", { class: `rv-field ${wide ?? ""}` }, label, input, was);
  }

  /** One input. What is typed counts from what was there when typing began: the 7 of a 75 is no number of minutes. */
  #input(read, write, attributes) {
    let from = null;
    const input = h("input", {
      disabled: Boolean(this.fixed), ...attributes,
      onfocus: () => { from = this.draft; },
      onblur: () => {
        from = null;
        if (input.value === "") input.value = read(this.draft);
      },
      oninput: () => {
        this.draft = from ?? this.draft;
        this.#change(input.checkValidity() && input.value !== "" ? write(input.value) : this.draft);
      },
    });
    this.#bind(input, read);
    return input;
  }

  #bind(input, read) {
    this.fields.push(() => {
      if (input !== document.activeElement && input.value !== read(this.draft)) input.value = read(this.draft);
      input.classList.toggle("rv-changed", this.#differs(read));
    });
  }

  /** Return whether a field differs from what is saved; nothing of a new session does. */
  #differs(read) {
    return this.original !== null && read(this.draft) !== read(this.original);
  }

  #steps() {
    if (!stepsOf(this.draft).length && this.draft.modality !== this.intensity.sport) return null;
    this.#stepBody = h("div", { class: "rv-steps" });
    this.#drawSteps();
    return h("section", { "aria-label": t("Steps") }, this.#stepBody);
  }

  #drawSteps() {
    const rows = stepsOf(this.draft).flatMap((step, i) => [
      this.#step(step, [i]), ...(step.steps ?? []).map((inner, j) => this.#step(inner, [i, j])),
    ]);
    const names = [t("Step"), t("Dose"), t("Target"), t("Time"), t("Load"), ""];
    const more = !this.fixed && !this.model.isGoalRace(this.draft) && h("p", { class: "rv-more" },
      h("button", { type: "button", class: "rv-link", onclick: () => this.#addStep(false) }, t("+ Step")),
      h("button", { type: "button", class: "rv-link", onclick: () => this.#addStep(true) }, t("+ Repeat")));
    fill(this.#stepBody, h("table", {}, h("caption", { class: "mc-hidden" }, t("Steps of the session; time and load of a step inside a block are for one repeat")),
      h("thead", {}, h("tr", {}, names.map((name, i) => h("th", { scope: "col", class: i > 2 ? "n" : "" }, name || h("span", { class: "mc-hidden" }, t("Remove")))))), h("tbody", {}, rows)), more);
  }

  #addStep(block) {
    const last = stepsOf(this.draft).length;
    const target = (zone) => this.intensity.zones[zone].target;
    const steady = { type: "steady", duration_min: 10, target: target("easy") };
    const main = this.intensity.sport === "running" ? "threshold" : "sweetspot";
    const inner = [{ type: "work", duration_min: 5, target: target(main) }, { type: "recovery", duration_min: 2, target: target("recovery") }];
    this.#restep([...stepsOf(this.draft), block ? { type: "work", repeat: 3, steps: inner } : steady]);
    this.dialog.querySelectorAll("tr:not(.rv-block-inner) .rv-dose input")[last]?.focus();
  }

  /** Take over steps of another number or kind: the table is drawn again. */
  #restep(steps) {
    this.draft = withSteps(this.draft, steps, this.intensity);
    this.#draw();
  }

  #step(step, at) {
    const found = (entry) => { const first = stepsOf(entry)[at[0]]; return at.length > 1 ? first?.steps?.[at[1]] : first; };
    const write = (change) => withSteps(this.draft, replaced(stepsOf(this.draft), at, change), this.intensity);
    const size = step.steps ? "repeat" : step.distance_m !== undefined ? "distance_m" : "duration_min";
    const unit = { repeat: t("times"), distance_m: "m", duration_min: "min" }[size];
    const bounds = size === "repeat" ? { min: 1, max: 100, step: 1 } : { min: 0.1, step: "any" };
    const name = step.steps ? t("Repeat") : STEP_NAMES[step.type] ?? step.type;
    const dose = this.#input((d) => tidy(found(d)?.[size], 2), (text) => write({ [size]: Number(text) }), { type: "number", required: true, ...bounds, "aria-label": `${name}, ${unit}` });
    const time = h("td", { class: "n" });
    const load = h("td", { class: "n" });
    this.fields.push(() => {
      const now = found(this.draft);
      if (!now) return;
      const minutes = stepMinutes(now, this.intensity);
      time.textContent = minutes ? clockText(minutes * 60) : "–";
      load.textContent = minutes ? tidy(stepLoad(now, this.intensity)) : "–";
    });
    const remove = at.length === 1 && !this.fixed && stepsOf(this.draft).length > 1 &&
      h("button", { type: "button", class: "rv-icon", "aria-label": t`Remove ${name}`, onclick: () => this.#restep(without(stepsOf(this.draft), at[0])) }, "✕");
    return h("tr", { class: at.length > 1 ? "rv-block rv-block-inner" : step.steps ? "rv-block" : "" },
      h("td", { class: at.length > 1 ? "rv-inner" : "" }, name, step.note && h("small", {}, t(step.note))),
      h("td", {}, h("span", { class: "rv-dose" }, dose, h("span", { "aria-hidden": "true" }, unit))),
      h("td", {}, !step.steps && this.#target(found, write, name)), time, load, h("td", {}, remove));
  }

  #target(found, write, name) {
    const own = found(this.draft).target ?? {};
    const zones = Object.keys(this.intensity.zones);
    const options = [...(zones.includes(own.zone) ? [] : [own.zone ?? ""]), ...zones];
    const text = h("small", { class: "rv-aim" });
    const select = h("select", { "aria-label": t`${name}, zone`, disabled: Boolean(this.fixed), onchange: () => this.#change(write({ target: this.intensity.zones[select.value]?.target ?? own })) },
      options.map((zone) => h("option", { value: zone }, t(zone.replaceAll("_", " ")))));
    this.#bind(select, (d) => found(d)?.target?.zone ?? "");
    this.fields.push(() => { text.textContent = aimText(found(this.draft)?.target); });
    return h("span", { class: "rv-targets" }, select, text);
  }

  #whys() {
    const select = h("select", { disabled: Boolean(this.fixed), onchange: () => { this.why.reason = select.value; } },
      h("option", { value: "" }, t("No reason given")), this.reasons.map(([code, label]) => h("option", { value: code, selected: this.why.reason === code }, label)));
    const note = h("textarea", { rows: 2, maxlength: 2000, value: this.why.note, disabled: Boolean(this.fixed), oninput: () => { this.why.note = note.value; } });
    return h("div", { class: "rv-whys" }, h("label", { class: "rv-field" }, t("Reason for the change"), select),
      h("label", { class: "rv-field" }, t("In your words"), note, h("small", {}, t("Kept with the change, for coaches."))));
  }

  #comments() {
    const place = h("section", { class: "rv-thread", tabindex: "-1", "aria-label": t("Comments on this session") });
    const isSaved = this.id && (this.model.head[this.id] || this.model.baseline[this.id]);
    if (isSaved) this.comments(place, this.id);
    else fill(place, h("h3", {}, t("Comments")), h("p", { class: "mc-muted" }, t("Save the draft first, then you can comment on this session.")));
    return place;
  }

  #footer() {
    const { id, model, fixed, tied } = this;
    const button = (text, act, hidden) => !hidden && h("button", { type: "button", class: "mc-button", onclick: act }, text);
    const revertTo = (to) => () => { model.revert(id, to); this.dialog.close(); };
    const differs = (to) => id && to[id] && !same(to[id], model.current[id]);
    return h("footer", { class: "rv-dfoot" },
      button(t("Remove"), () => { model.remove(id, this.why); this.dialog.close(); }, !id || tied),
      button(t("Duplicate"), () => this.#duplicate(), !id || tied),
      button(t("Revert to saved"), revertTo(model.head), !differs(model.head)),
      button(t("Revert to machine’s"), revertTo(model.baseline), fixed || !differs(model.baseline) || same(model.baseline[id], model.head[id])),
      h("span", { class: "rv-gap" }),
      button(fixed ? t("Close") : t("Cancel"), () => this.dialog.close()),
      !fixed && h("button", { class: "mc-button mc-primary" }, t("Save session"), h("kbd", {}, "Ctrl ⏎")));
  }

  // ---- what happens in it

  #change(draft) {
    this.draft = draft;
    this.#sync();
  }

  #retype(kind) {
    const made = sessionOf(kind, this.draft.day, minutesOf(this.draft) || USUAL_MINUTES, this.intensity);
    const back = kind === this.entry.kind ? this.entry : made;
    this.draft = { ...back, day: this.draft.day, key_session: this.draft.key_session, locked: this.draft.locked };
    this.#draw();
    this.dialog.querySelector(`.rv-kind.mc-${kind} input`).focus();
  }

  #sync() {
    for (const update of this.fields) update();
    const { draft, original } = this;
    const before = original ?? { load: 0, prescribed_work: {} };
    const steps = stepsOf(draft);
    fill(this.#profile, steps.flatMap((step) => (step.steps ? Array.from({ length: step.repeat }, () => step.steps).flat() : [step])).map((step) => this.#column(step)));
    this.#profile.hidden = !steps.length;
    this.#profile.setAttribute("aria-label", t`Profile: ${summaryText(draft, this.intensity)}`);
    this.#said.textContent = [summaryText(draft, this.intensity), t(draft.prescribed_work.purpose ?? "")].filter(Boolean).join(" · ");
    const [minutes, load] = [minutesOf(draft) - minutesOf(before), draft.load - before.load];
    const parts = [original && draft.day !== original.day && t`Moved from ${longDay(original.day)}`, (minutes || load) && t`Session ${signed(minutes, hoursText)} h, load ${signed(load)}`];
    this.preview.textContent = parts.filter(Boolean).join(" · ");
    if (!this.fixed) this.onPreview({ id: this.id, entry: draft, place: this.preview });
  }

  #column(step) {
    const perHour = stepLoad({ ...step, distance_m: undefined, duration_min: 60 }, this.intensity) || 40;
    const kind = this.intensity.zones[step.target?.zone]?.hard ? this.draft.kind : "easy";
    return h("i", { class: `mc-${kind}`, style: `flex-grow:${stepMinutes(step, this.intensity) || 1};height:${Math.min(100, perHour * 0.75)}%` });
  }

  #save() {
    if (this.fixed) return this.dialog.close();
    if (!this.#keep()) return;
    this.dialog.close();
    this.say(t("Kept as an unsaved edit."));
  }

  /** Keep the draft as an unsaved edit; returns whether it can be one, and says at its place why not. */
  #keep() {
    if (!this.dialog.querySelector("form").reportValidity()) return false;
    const { day } = this.draft;
    if (day !== this.entry.day && !this.model.mayUse(day)) {
      this.error.textContent = t("That day is past or outside the plan.");
      return false;
    }
    if (this.id === null) this.id = this.model.add(this.draft, this.why);
    else if (!same(this.draft, this.entry) || this.#reasonChanged()) this.model.put(this.id, this.draft, this.why);
    return true;
  }

  #duplicate() {
    if (!this.#keep()) return;
    this.model.duplicate(this.id);
    this.dialog.close();
  }

  #reasonChanged() {
    const { reason = "", note = "" } = this.model.notes[this.id] ?? {};
    return reason !== this.why.reason || note !== this.why.note;
  }
}
