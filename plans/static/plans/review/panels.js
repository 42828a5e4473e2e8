// The small dialogs: submission, revert, keys; and the notices above the calendar.

import { fill, guardName, h, plural, t } from "./text.js";

/** Open a dialog made of a heading and these parts. */
export function openDialog(dialog, title, ...children) {
  const heading = h("h2", { tabindex: "-1", autofocus: true, id: `${dialog.id}-title` }, title);
  dialog.setAttribute("aria-labelledby", heading.id);
  fill(dialog, heading, children);
  dialog.onkeydown = null; // the keys of the panel that stood here before
  dialog.classList.remove("rv-merge");
  if (!dialog.open) dialog.showModal();
}

export const button = (text, act, primary = false) => h("button", { type: "button", class: `mc-button${primary ? " mc-primary" : ""}`, onclick: act }, text);

/** Choose how far to go back; `act` has unsaved() and machine(), null where there is nothing to go back from. */
export function revertPanel(dialog, act) {
  const choice = (name, text, more) => h("button", { type: "button", class: "mc-button rv-option", disabled: !act[name], onclick: () => { dialog.close(); act[name](); } }, h("b", {}, text), h("small", {}, more));
  openDialog(dialog, t("Revert"),
    choice("unsaved", t("The unsaved edits"), t("Back to the last saved version.")),
    choice("machine", t("Everything, to the machine’s version"), t("Becomes unsaved edits: nothing counts until you save.")),
    h("footer", { class: "rv-dfoot" }, h("small", {}, t("Undo (U) takes it back.")), h("span", { class: "rv-gap" }), button(t("Cancel"), () => dialog.close())));
}

/** Ask for a comment, and for a reason where a safety guard is broken; `send` returns null or the guards that want one. */
export function submitPanel(dialog, { edits, guards, reasons, send }) {
  const comment = h("textarea", { rows: 3, maxlength: 4000 });
  const select = h("select", { "aria-describedby": "rv-reason-error" }, h("option", { value: "" }, t("Choose a reason")), reasons.map(([code, label]) => h("option", { value: code }, label)));
  const error = h("p", { class: "mc-error", role: "alert", id: "rv-reason-error" });
  const list = h("ul", {});
  const block = h("div", { class: "rv-guarded" }, h("p", {}, h("b", {}, t("Against the machine’s version, the edits break safety guards. Say why."))), list, h("label", { class: "rv-field" }, t("Reason"), select), error);
  const wants = (found) => {
    block.hidden = !found.length;
    fill(list, found.map((guard) => h("li", {}, h("b", {}, guardName(guard)), h("small", {}, guard.message))));
  };
  const go = button(t("Submit"), async () => {
    if (!block.hidden && !select.value) {
      error.textContent = t("Choose a reason before you submit.");
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
  openDialog(dialog, t("Submit for approval"),
    h("p", {}, edits ? t`The ${plural(edits, "unsaved edit")} will be saved first. ` : "", t("The athlete is told and decides.")),
    block, h("label", { class: "rv-field" }, t("Comment for the athlete"), comment),
    h("footer", { class: "rv-dfoot" }, h("span", { class: "rv-gap" }), button(t("Cancel"), () => dialog.close()), go));
  dialog.onkeydown = (event) => {
    if (event.key !== "Enter" || event.repeat || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    go.click();
  };
  wants(guards);
}

const KEYS = [
  ["← → ↑ ↓", t("from day to day")], [t("Home End"), t("first and last day of the week")], ["[ ]", t("week before, week after")], [t("Enter"), t("open the session, or add one on a free day")],
  ["N", t("add a session on this day")], [t("M, then arrows"), t("move the session; Enter puts it there, Escape leaves it")], ["D", t("duplicate")], [t("Del"), t("remove")], [t("U, Ctrl Z"), t("undo")],
  ["1 2 3", t("calendar, effect, context")], [t("Ctrl S"), t("save the draft")], [t("Ctrl Enter"), t("submit; in the dialogs: submit, save the session")], [t("Escape"), t("close a dialog; nothing is kept")], ["P", t("back to the pending plans")], ["?", t("these keys")],
];

export function keysPanel(dialog) {
  openDialog(dialog, t("Keys"), h("dl", { class: "rv-keys" }, KEYS.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]).flat()),
    h("footer", { class: "rv-dfoot" }, h("span", { class: "rv-gap" }), button(t("Close"), () => dialog.close(), true)));
}

/** A notice above the calendar; `tone` bad, warn or good. Returns the element, so that it can be taken away. */
export function notice(place, text, { tone = "bad", details = [], actions = [] } = {}) {
  const element = h("div", { class: `rv-notice rv-${tone}`, role: tone === "bad" ? "alert" : "status" },
    h("div", {}, h("p", {}, text), details.length > 0 && h("ul", {}, details.map((detail) => h("li", {}, detail)))),
    actions.map(([label, act]) => h("button", { type: "button", class: "mc-button", onclick: () => { element.remove(); act(); } }, label)),
    h("button", { type: "button", class: "rv-icon", "aria-label": t("Dismiss"), onclick: () => element.remove() }, "✕"));
  place.replaceChildren(element);
  return element;
}
