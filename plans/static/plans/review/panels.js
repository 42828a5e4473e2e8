// The small dialogs: conflict, submission, keys; and the notices above the calendar.

import { KINDS } from "./calendar.js";
import { minutesOf } from "./steps.js";
import { fill, fullDay, h, hoursText, plural } from "./text.js";

const describe = (entry) => (entry ? `${fullDay(entry.day)}, ${KINDS[entry.kind]?.[1] ?? entry.kind}, ${entry.title}, ${hoursText(minutesOf(entry))} h, load ${Math.round(entry.load)}` : "removed");

/** Open a dialog made of a heading and these parts. */
function openDialog(dialog, title, ...children) {
  const heading = h("h2", { tabindex: "-1", autofocus: true, id: `${dialog.id}-title` }, title);
  dialog.setAttribute("aria-labelledby", heading.id);
  fill(dialog, heading, children);
  dialog.onkeydown = null; // the keys of the panel that stood here before
  if (!dialog.open) dialog.showModal();
}

const button = (text, act, primary = false) => h("button", { type: "button", class: `mc-button${primary ? " mc-primary" : ""}`, onclick: act }, text);

/**
 * Show what somebody saved meanwhile against what is unsaved here. Closing it changes nothing.
 * `act` gets the ids in which their side wins, and whether to save at once.
 */
export function conflictPanel(dialog, { version, author, merge, mineCount, act }) {
  const theirs = new Set();
  const row = ({ id, base, mine, theirs: other }, index) => {
    const choice = (label, entry, isTheirs) => h("label", { class: "rv-choice" },
      h("input", { type: "radio", name: `side-${index}`, checked: !isTheirs, onchange: () => (isTheirs ? theirs.add(id) : theirs.delete(id)) }), h("b", {}, label), h("span", {}, describe(entry)));
    return h("fieldset", { class: "rv-conflict" }, h("legend", {}, base ? describe(base) : "A new session"), choice("Keep mine", mine, false), choice("Take theirs", other, true));
  };
  const close = (save) => () => { dialog.close(); act(theirs, save); };
  const kept = mineCount ? `Your ${plural(mineCount, "edit")} ${mineCount === 1 ? "is" : "are"} kept on this page. ` : "You have nothing unsaved. ";
  openDialog(dialog, `Version ${version.version_number} was saved${author ? ` by ${author}` : ""} meanwhile`,
    h("p", {}, kept, merge.disputed.length ? `${plural(merge.disputed.length, "session")} changed on both sides: choose.` : "No session was changed on both sides."),
    merge.disputed.map(row),
    merge.onlyTheirs.length > 0 && h("details", {}, h("summary", {}, `${plural(merge.onlyTheirs.length, "session")} that only they changed will be taken over`),
      h("ul", { class: "rv-list" }, merge.onlyTheirs.map(({ base, theirs: other }) => h("li", {}, `${base ? describe(base) : "new"} → ${describe(other)}`)))),
    h("footer", { class: "rv-dfoot" }, button("Not now", () => dialog.close()), h("span", { class: "rv-gap" }), button(mineCount ? "Merge, save later" : `Go on from version ${version.version_number}`, close(false), !mineCount),
      mineCount > 0 && button(`Merge and save on top of version ${version.version_number}`, close(true), true)));
}

/** Ask for a comment, and for a reason where a safety guard is broken; `send` returns null or the guards that want one. */
export function submitPanel(dialog, { edits, guards, reasons, send }) {
  const comment = h("textarea", { rows: 3, maxlength: 4000 });
  const select = h("select", { "aria-describedby": "rv-reason-error" }, h("option", { value: "" }, "Choose a reason"), reasons.map(([code, label]) => h("option", { value: code }, label)));
  const error = h("p", { class: "mc-error", role: "alert", id: "rv-reason-error" });
  const list = h("ul", {});
  const block = h("div", { class: "rv-guarded" }, h("p", {}, h("b", {}, "Broken safety guards need a reason.")), list, h("label", { class: "rv-field" }, "Reason", select), error);
  const wants = (found) => {
    block.hidden = !found.length;
    fill(list, found.map((guard) => h("li", {}, guard.message)));
  };
  const go = button("Submit", async () => {
    if (!block.hidden && !select.value) {
      error.textContent = "Choose a reason before you submit.";
      select.setAttribute("aria-invalid", "true");
      return select.focus();
    }
    error.textContent = "";
    go.disabled = true;
    const found = await send({ comment: comment.value.trim(), reason: block.hidden ? "" : select.value });
    go.disabled = false;
    if (!found?.length) return dialog.close();
    wants(found);
    select.focus();
  }, true);
  openDialog(dialog, "Submit for approval",
    h("p", {}, edits ? `The ${plural(edits, "unsaved edit")} will be saved first. ` : "", "The athlete is told and decides."),
    block, h("label", { class: "rv-field" }, "Comment for the athlete", comment),
    h("footer", { class: "rv-dfoot" }, h("span", { class: "rv-gap" }), button("Cancel", () => dialog.close()), go));
  dialog.onkeydown = (event) => {
    if (event.key !== "Enter" || event.repeat || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    go.click();
  };
  wants(guards);
}

const KEYS = [
  ["← → ↑ ↓", "from day to day"], ["Home End", "first and last day of the week"], ["[ ]", "week before, week after"], ["Enter", "open the session, or add one on a free day"],
  ["N", "add a session on this day"], ["M, then arrows", "move the session; Enter puts it there, Escape leaves it"], ["D", "duplicate"], ["Del", "remove"], ["U", "undo"],
  ["1 2 3", "calendar, effect, context"], ["Ctrl S", "save the draft"], ["Ctrl Enter", "submit; in the dialogs: submit, save the session"], ["P", "back to the pending plans"], ["?", "these keys"],
];

export function keysPanel(dialog) {
  openDialog(dialog, "Keys", h("dl", { class: "rv-keys" }, KEYS.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]).flat()),
    h("footer", { class: "rv-dfoot" }, h("span", { class: "rv-gap" }), button("Close", () => dialog.close(), true)));
}

/** A notice above the calendar; `tone` bad, warn or good. Returns the element, so that it can be taken away. */
export function notice(place, text, { tone = "bad", details = [], actions = [] } = {}) {
  const element = h("div", { class: `rv-notice rv-${tone}`, role: tone === "bad" ? "alert" : "status" },
    h("div", {}, h("p", {}, text), details.length > 0 && h("ul", {}, details.map((detail) => h("li", {}, detail)))),
    actions.map(([label, act]) => h("button", { type: "button", class: "mc-button", onclick: () => { element.remove(); act(); } }, label)),
    h("button", { type: "button", class: "rv-icon", "aria-label": "Dismiss", onclick: () => element.remove() }, "✕"));
  place.replaceChildren(element);
  return element;
}
