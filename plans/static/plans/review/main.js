// The review page: reads its document, puts the parts together and carries news from one to the other.

import { PlanApi } from "./api.js";
import { Calendar } from "./calendar.js";
import { EffectChart } from "./chart.js";
import { Comments } from "./comments.js";
import { patchBetween } from "./diff.js";
import { SessionDialog } from "./dialog.js";
import { EffectPanel } from "./effect.js";
import { bindKeys } from "./keys.js";
import { mergePanel } from "./merge.js";
import { keysPanel, notice, revertPanel, submitPanel } from "./panels.js";
import { readAs } from "./reading.js";
import { Saving, Shelf } from "./saving.js";
import { EditModel, newId, sessionsOf } from "./state.js";
import { Tags } from "./tags.js";
import { addDays, clockText, fill, fullDay, h, momentText, mondayOf, plural, setZone, t } from "./text.js";
import { WhatIf } from "./whatif.js";

const SPOKEN_AFTER_MS = 600;
const isPending = (status) => ["generated", "draft", "needs_revision"].includes(status);
const data = JSON.parse(document.getElementById("review-data").textContent);
const at = (name) => document.getElementById(`rv-${name}`);
const { plan, can, urls, version } = data;
let { weeks } = version;
const adjustments = Object.fromEntries(version.adjustments.map((one) => [one.session_id, one]));
let versions = data.versions;
let baselineId = versions.find((row) => row.id === version.id)?.baseline_id ?? version.id;

readAs(data.reader);
setZone(data.reader.time_zone);
const api = new PlanApi(urls);
const shelf = new Shelf(plan.id);
const model = new EditModel({
  head: sessionsOf(version),
  baseline: data.baseline.sessions,
  done: new Set(Object.entries(data.past.sessions).filter(([, past]) => ["done", "partly"].includes(past.status)).map(([id]) => id)),
  limits: { today: data.today, raceDay: plan.race_date, first: weeks[0]?.monday ?? data.today, last: addDays(weeks.at(-1)?.monday ?? data.today, 6), editable: can.edit },
});

// ---- saying and showing

let lately = 0;
function say(text, pause = 0) {
  clearTimeout(lately);
  lately = setTimeout(() => { at("live").textContent = text; }, pause);
}
const note = (text, more) => notice(at("notices"), text, more);
const weekNumber = (day) => weeks.find((week) => week.monday === mondayOf(day))?.number ?? "–";
const weekOf = (day) => {
  const week = weeks.find((one) => one.monday === mondayOf(day));
  return week ? t` · week ${week.number} of ${weeks.length}, ${t(week.phase)}` : "";
};
const entryOf = (id) => model.current[id] ?? model.head[id] ?? model.baseline[id];
const openSession = (id) => model.current[id] && sessionDialog.open(id);
function show(id, day = entryOf(id)?.day) {
  setRegion("calendar");
  if (!day) return;
  calendar.show(day);
  calendar.goTo(day, id);
}

// ---- the parts

const comments = new Comments({
  api, list: data.comments, mayWrite: can.comment, tags: can.tag ? new Tags({ api, labels: data.tags, say }) : null, athlete: plan.athlete_name,
  nameOf: (id) => { const entry = entryOf(id); return entry ? `${fullDay(entry.day)}, ${entry.title}` : t("A session of an earlier version"); },
  onCount: () => { calendar.render(); drawComments(); },
});
const drawComments = () => comments.draw(at("comments"), null, show);
const calendar = new Calendar(at("cal"), {
  model, weeks, past: data.past, adjustments, on: { open: openSession, add: (day) => sessionDialog.create(day), say, commentsOn: (id) => comments.count(id) },
});
const effect = new EffectPanel({ whatif: at("whatif"), guards: at("guards"), edits: at("edits"), strip: at("strip") }, {
  model, predicted: version.predicted, goalSeconds: plan.goal_seconds, reasons: data.reasons, weekNumber,
  on: { retry: () => whatIf.ask(model.operations, { now: true }), show },
});
const chart = new EffectChart(at("chart"), { weeks, today: data.today, numbers: at("numbers") });
const whatIf = new WhatIf({ api, onState: (state) => {
  effect.setState(state);
  drawRace(state.answer?.after ?? version.predicted);
  if (state.status !== "settled") return;
  chart.show(state.answer);
  at("chart-box").hidden = !state.answer.days.length;
  if (state.count) say(effect.spoken(), SPOKEN_AFTER_MS);
} });
const sessionDialog = new SessionDialog(at("session"), {
  model, intensity: data.intensity, reasons: data.reasons, weekOf, say,
  past: data.past.sessions, adjustments, comments: (place, id) => comments.draw(place, id), onPreview: preview,
  onClosed: (id) => calendar.goTo(model.current[id]?.day ?? calendar.focus.day, id ?? null),
});
const saving = new Saving({ model, api, head: { id: version.id, etag: data.etag }, on: { busy: setBusy, saved, conflict, notice: (text, details) => note(text, { details }), submitted } });

/** What the session in the dialog would do, said in the dialog; asked apart from the page's own what-if. */
const dialogWhatIf = new WhatIf({ api, onState: ({ status, answer }) => {
  if (!previewed || status !== "settled" || !answer.after) return;
  const show_ = (outcome) => (outcome.unit === "s" ? clockText(outcome.value) : `${Math.round(outcome.value)} ${outcome.unit}`);
  const broken = answer.guards.filter((guard) => guard.new).length;
  const where = previewed.querySelector("b") ?? previewed.appendChild(h("b", {}));
  where.textContent = t` · race day ${show_(answer.before)} → ${show_(answer.after)}` + (broken ? t` · ${plural(broken, "guard")} newly broken` : "");
} });
let previewed = null;
function preview(draft) {
  previewed = draft?.place.textContent ? draft.place : null;
  if (!previewed) return;
  const id = draft.id ?? (sessionDialog.previewId ??= newId());
  dialogWhatIf.ask(patchBetween(model.head, { ...model.current, [id]: draft.entry }));
}

// ---- what follows an edit

model.onChange((label) => {
  calendar.render();
  effect.render();
  whatIf.ask(model.operations, { now: label === "saved" || label === "rebased" });
  shelf.put(saving.head.id, model.stored());
  drawBar();
});

function drawBar() {
  const count = model.edits.length;
  at("count").textContent = count ? plural(count, "unsaved edit") : can.edit ? t("Nothing unsaved") : "";
  at("count").classList.toggle("rv-dirty", count > 0);
  for (const place of document.querySelectorAll(".rv-tabcount")) place.textContent = count || "";
  if (!can.edit) return;
  at("undo").disabled = !model.past.length;
  at("back").disabled = !count && isMachines();
  at("revert").disabled = !count;
  at("machine").disabled = isMachines();
  at("save").disabled = !count;
  at("submit").disabled = !can.submit && !count;
  at("submit").title = at("submit").disabled ? t("Nothing to submit: edit a session first") : t("Ctrl Enter");
}
const toMachines = () => model.revertAll(model.baseline);
const goBack = () => revertPanel(at("dialog"), { unsaved: model.isDirty && (() => model.revertAll()), machine: !isMachines() && toMachines });
const isMachines = () => !Object.keys(model.baseline).concat(Object.keys(model.current)).some((id) => model.markOf(id).sign);

function drawRace(predicted) {
  if (!predicted) return;
  const half = (predicted.high - predicted.low) / 2;
  at("racetime").textContent = predicted.unit === "s" ? t`predicted ${clockText(predicted.value)} ±${clockText(half)}` : "";
}

/** What a version is now: its own status says only how it was saved. */
function wordFor(one) {
  if (one.id === plan.active_version_id) return t("athlete trains by it");
  return one.baseline_id ? t("edited") : t("generated");
}

function drawTimeline() {
  const row = (one) => h("li", { class: one.id === saving.head.id ? "rv-here" : "" },
    h("p", {}, h("a", { href: `${urls.compare}?to=${one.id}`, title: t("Compare with what it came from") }, h("b", {}, `v${one.version_number}`)), ` ${wordFor(one)}`, h("small", {}, momentText(one.created_at))),
    h("p", { class: "mc-muted" }, [one.author_name, one.diff_summary_json?.sentence].filter(Boolean).join(" · ")));
  fill(at("timeline"), versions.map(row));
  at("version").textContent = `v${versions.find((one) => one.id === saving.head.id)?.version_number ?? "?"}`;
}

function setStatus(status) {
  drawBadge(isPending(status) - isPending(plan.status));
  plan.status = status;
  at("status").textContent = t(status.replaceAll("_", " "));
  can.submit = can.edit && isPending(status);
  const banner = data.banners[status];
  at("banner").hidden = !banner;
  at("banner").textContent = banner?.text ?? "";
  at("banner").className = `rv-banner rv-${banner?.tone ?? "info"}`;
}

/** The sidebar counts the pending plans; it was drawn with the page. "100+" stays: it says where counting stopped. */
function drawBadge(change) {
  const badge = document.querySelector(`#nav-sidebar a[href="${at("app").dataset.pending}"] > span:last-child`);
  if (!change || !/^\s*\d+\s*$/.test(badge?.textContent ?? "")) return;
  const count = Number(badge.textContent) + change;
  badge.textContent = count;
  badge.hidden = count < 1;
}

// ---- saving, submitting, conflicts

function setBusy(isBusy) {
  at("bar").classList.toggle("rv-saving", isBusy);
  at("bar").setAttribute("aria-busy", String(isBusy));
}

function saved(stored) {
  versions = [{ ...stored, author_name: stored.author_name || "you", baseline_id: baselineId }, ...versions];
  setStatus(stored.status);
  at("notices").replaceChildren();
  at("lastsaved").textContent = t`saved ${momentText(stored.created_at)}`;
  drawTimeline();
  drawBar();
  say(t`Saved as version ${stored.version_number}.`);
}

function submitted(head) {
  setStatus(head.status);
  drawBar();
  note(t("Submitted. The athlete is told."), { tone: "good", actions: [[t("Pending plans (P)"), act.list]] });
}

async function conflict(problem) {
  try {
    const theirs = await saving.theirs(problem, baselineId);
    const author = theirs.versions.find((row) => row.id === theirs.version.id)?.author_name;
    mergePanel(at("dialog"), { version: theirs.version, author, merge: model.compareWith(theirs.sessions), mine: model.edits, act: (theirsWin, save) => adopt(theirs, theirsWin, save) });
    note(t`Somebody saved version ${theirs.version.version_number} meanwhile. Your edits are kept.`, { tone: "warn", actions: [[t("Compare"), () => conflict(problem)]] });
  } catch (error) {
    note(t`Somebody saved meanwhile, and their version cannot be read: ${error.message} Your edits are kept.`, { actions: [[t("Try again"), () => conflict(problem)]] });
  }
}

/** Go on from their version with our edits on top. */
function adopt(theirs, theirsWin, save) {
  saving.head = { id: theirs.version.id, etag: theirs.etag ?? theirs.version.etag };
  ({ versions } = theirs);
  if (theirs.baseline) [model.baseline, baselineId] = [theirs.baseline, theirs.baselineId];
  weeks = calendar.weeks = theirs.version.weeks;
  Object.assign(model.limits, { first: weeks[0].monday, last: addDays(weeks.at(-1).monday, 6) });
  setStatus(theirs.version.status);
  at("notices").replaceChildren();
  model.rebase(theirs.sessions, theirsWin);
  drawTimeline();
  if (save) saving.save();
}

function submit() {
  if (!can.edit || (!can.submit && !model.isDirty)) return say(t("There is nothing to submit."));
  submitPanel(at("dialog"), { edits: model.edits.length, guards: effect.toReason, reasons: data.reasons, send: (wish) => saving.submit(wish) });
}

async function regenerate() {
  if (model.isDirty) return note(t("Save or revert your edits first: generating again starts from what is saved."), { tone: "warn" });
  at("regenerate").disabled = true;
  say(t("Generating again."));
  try {
    const { data: made } = await api.regenerate(saving.head.etag);
    const kept = made.conflicts.length ? t` ${plural(made.conflicts.length, "edit")} met another proposal; yours were kept.` : "";
    note(t`Generated again as version ${made.version.version_number}.${kept}`, { tone: "good", actions: [[t("Show it"), () => location.reload()]] });
  } catch (problem) {
    if (problem.status === 412) conflict(problem);
    else note(t`Not generated. ${problem.message}`, { details: problem.details });
  } finally {
    at("regenerate").disabled = false;
  }
}

// ---- regions, toggle, keys, leaving

function setRegion(name) {
  at("app").dataset.region = name;
  for (const tab of document.querySelectorAll(".rv-tabs [role=tab]")) tab.setAttribute("aria-selected", String(tab.dataset.region === name));
}
function focusRegion(name) {
  setRegion(name);
  if (name === "calendar") calendar.goTo(calendar.focus.day, calendar.focus.id);
  else at(name).focus();
}

function compareWith(name) {
  calendar.against = effect.against = name;
  for (const button of document.querySelectorAll("[data-against]")) button.setAttribute("aria-pressed", String(button.dataset.against === name));
  calendar.render();
  effect.render();
}

const act = {
  save: () => can.edit && saving.save(),
  submit,
  undo: () => can.edit && say(model.undo() ? t("Undone.") : t("Nothing to undo.")),
  add: (day) => (model.mayUse(day) ? sessionDialog.create(day) : say(t("No session can be added on this day."))),
  duplicate: (id) => id && model.current[id] && !model.whyTied(id) && model.duplicate(id) && say(t("Duplicated.")),
  remove: (id) => id && model.current[id] && say(model.whyTied(id) || (model.remove(id) && t("Removed. U takes it back."))),
  keys: () => keysPanel(at("dialog")),
  region: focusRegion,
  list: () => location.assign(at("app").dataset.pending),
};

function bind() {
  const clicks = { save: act.save, back: goBack, submit, undo: act.undo, keys: act.keys, regenerate, revert: () => model.revertAll(), machine: toMachines, torace: () => show(null, plan.race_date) };
  for (const [name, listener] of Object.entries(clicks)) at(name)?.addEventListener("click", listener);
  for (const tab of document.querySelectorAll(".rv-tabs [role=tab]")) tab.addEventListener("click", () => setRegion(tab.dataset.region));
  for (const button of document.querySelectorAll("[data-against]")) button.addEventListener("click", () => compareWith(button.dataset.against));
  for (const button of document.querySelectorAll("[data-adjusted]")) button.addEventListener("click", () => { show(button.dataset.adjusted); openSession(button.dataset.adjusted); });
  bindKeys({ calendar, root: at("cal"), model, act });
  addEventListener("beforeunload", (event) => model.isDirty && event.preventDefault());
  addEventListener("offline", () => note(t("No connection. Edits are kept in this browser and can be saved once it is back."), { tone: "warn" }));
  addEventListener("online", () => { at("notices").replaceChildren(); whatIf.ask(model.operations, { now: true }); });
}

/** Bring back what a crash or a closed tab left behind. */
function bringBack() {
  const kept = can.edit ? shelf.find() : null;
  if (!kept) return;
  const merge = model.restore(kept);
  if (!model.isDirty) return;
  note(t`${plural(model.edits.length, "unsaved edit")} of ${momentText(kept.at)} brought back.`, { tone: "warn", actions: [[t("Discard them"), () => model.revertAll()]] });
  if (!merge.disputed.length) return;
  const author = versions.find((row) => row.id === version.id)?.author_name;
  mergePanel(at("dialog"), { version, author, merge, mine: model.edits, act: (theirsWin, save) => {
    if (theirsWin.size) model.restore(kept, theirsWin);
    if (save) saving.save();
  } });
}

bind();
calendar.render();
effect.render();
drawTimeline();
drawComments();
drawRace(version.predicted);
drawBar();
bringBack();
calendar.show(calendar.focus.day);
whatIf.ask(model.operations, { now: true });
