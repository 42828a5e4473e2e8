// What a comment is about: badges of the model or of a coach, and a small form to put them right.

import { fill, h, t } from "./text.js";

const OTHER = "other";
const SURE = 0.6;

export class Tags {
  /** `labels`: [tag, label] of each tag in their order; `say` tells screen readers. */
  constructor({ api, labels, say }) {
    Object.assign(this, { api, labels, say });
  }

  /** Return the line under a comment: its badges and the button that opens the form. */
  row(comment) {
    const place = h("div", { class: "rv-tags" });
    this.#show(place, comment);
    return place;
  }

  #label(tag) {
    return this.labels.find(([name]) => name === tag)?.[1] ?? tag;
  }

  /** The model's "other" says nothing that a coach wants to read. */
  #badges(comment) {
    return (comment.tags ?? []).filter((one) => one.source === "coach" || one.tag !== OTHER).map((one) => {
      const isGuess = one.source === "model";
      const unsure = isGuess && one.probability !== null && one.probability < SURE;
      const by = isGuess ? t`guessed by the model, ${Math.round(one.probability * 100)} %` : t("said by a coach");
      return h("li", { class: `rv-tag ${isGuess ? "rv-guess" : ""}`, title: `${this.#label(one.tag)}: ${by}` },
        this.#label(one.tag), unsure && h("span", { "aria-hidden": "true" }, " ?"), h("span", { class: "mc-hidden" }, `, ${by}`));
    });
  }

  #show(place, comment, focus = false) {
    const badges = this.#badges(comment);
    const label = badges.length ? t("Change tags") : t("Tag");
    const button = h("button", { type: "button", class: "rv-link", "aria-expanded": "false", onclick: () => this.#edit(place, comment) }, label);
    fill(place, badges.length > 0 && h("ul", { "aria-label": t("Tags") }, badges), button);
    if (focus) button.focus();
  }

  #edit(place, comment) {
    const set = new Set((comment.tags ?? []).map((one) => one.tag));
    const boxes = this.labels.map(([tag, label]) => {
      const box = h("input", { type: "checkbox", value: tag, checked: set.has(tag), onchange: () => {
        if (box.checked) for (const other of all()) if (other !== box && (tag === OTHER || other.value === OTHER)) other.checked = false;
      } });
      return h("label", { class: "rv-check" }, box, label);
    });
    const all = () => [...place.querySelectorAll("input")];
    const error = h("p", { class: "mc-error", role: "alert" });
    const close = () => this.#show(place, comment, true);
    const save = h("button", { type: "button", class: "mc-button", onclick: async () => {
      const tags = all().filter((box) => box.checked).map((box) => box.value);
      if (!tags.length) { error.textContent = t("Choose at least one; Other says that none fits."); return; }
      save.disabled = true;
      try {
        comment.tags = (await this.api.tag(comment.id, tags)).data.tags;
        close();
        this.say(t("Tags saved."));
      } catch (problem) {
        error.textContent = t`Not saved: ${problem.message}`;
        save.disabled = false;
      }
    } }, t("Save tags"));
    // Inside a session's form, Enter would send that form; Escape closes this one and not the dialog around it.
    const keys = (event) => {
      if (event.key === "Enter" && event.target.type === "checkbox") event.preventDefault();
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      close();
    };
    fill(place, h("fieldset", { class: "rv-tagging", onkeydown: keys }, h("legend", {}, t("What is it about?")), h("div", {}, boxes), error,
      h("div", { class: "rv-both" }, save, h("button", { type: "button", class: "rv-link", onclick: close }, t("Cancel")))));
    (all().find((box) => box.checked) ?? all()[0]).focus();
  }
}
