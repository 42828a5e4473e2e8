// Threads of comments, on the plan or on one session; private to coaches or shared with the athlete.

import { fill, h, momentText, plural, t } from "./text.js";

export class Comments {
  /** `onCount` hears when comments came or were settled; `tags` draws what each is about, null for who may not; `nameOf` returns a session's title and day. */
  constructor({ api, list, mayWrite, tags, athlete, nameOf, onCount }) {
    Object.assign(this, { api, list, mayWrite, tags, athlete, nameOf, onCount, drafts: new Map() });
  }

  #open() {
    const settled = new Set(this.list.filter((c) => c.resolved_at).map((c) => c.id));
    return this.list.filter((c) => !settled.has(c.id) && !settled.has(c.parent_id));
  }

  /** Return how many open comments stand on a session, or with null in all. */
  count(anchor) {
    return this.#open().filter((comment) => anchor === null || comment.anchor_id === anchor).length;
  }

  /** Draw the threads of a session, or with null those of the plan and where the others are. */
  draw(place, anchor, show = null) {
    const threads = this.list.filter((comment) => !comment.parent_id && (anchor ? comment.anchor_id === anchor : true));
    const open = threads.filter((comment) => !comment.resolved_at);
    const settled = threads.filter((comment) => comment.resolved_at);
    const again = () => { this.draw(place, anchor, show); place.focus({ preventScroll: true }); }; // what had the focus is gone
    fill(place, h(anchor ? "h3" : "h2", {}, t("Comments "), h("span", { class: "rv-count" }, String(this.count(anchor)))),
      open.length > 0 && h("ul", { class: "rv-comments" }, open.map((comment) => this.#thread(comment, anchor, again, show))),
      settled.length > 0 && h("details", {}, h("summary", {}, t`${plural(settled.length, "thread")} settled`), h("ul", { class: "rv-comments" }, settled.map((comment) => this.#thread(comment, anchor, again, show)))),
      this.mayWrite && this.#form(anchor, null, again));
  }

  #thread(comment, anchor, again, show) {
    const replies = this.list.filter((reply) => reply.parent_id === comment.id);
    const where = !anchor && comment.anchor_id && this.nameOf(comment.anchor_id);
    return h("li", {},
      where && h("button", { type: "button", class: "rv-link", onclick: () => show?.(comment.anchor_id) }, where),
      [comment, ...replies].map((one) => h("div", { class: "rv-comment" },
        h("p", { class: "mc-muted" }, h("b", {}, one.author_name), ` · ${momentText(one.created_at)} · `, this.#who(one.visibility)), h("p", {}, one.message),
        this.tags?.row(one))),
      this.mayWrite && !comment.resolved_at && h("p", { class: "rv-more" }, this.#replyButton(comment, again),
        h("button", { type: "button", class: "rv-link", onclick: (event) => this.#settle(comment, event.target, again) }, t("Settle"))));
  }

  #who(visibility) {
    return visibility === "coach" ? h("span", { class: "rv-private" }, "private") : "shared";
  }

  #replyButton(comment, again) {
    return h("button", { type: "button", class: "rv-link", onclick: (event) => {
      const row = event.target.closest("li");
      event.target.hidden = true;
      row.append(this.#form(comment.anchor_id, comment, again));
      row.querySelector("textarea").focus();
    } }, t("Reply"));
  }

  /** A form that is no form element: it also stands inside the session's own. */
  #form(anchor, parent, again) {
    const key = parent?.id ?? anchor ?? "";
    const area = h("textarea", { rows: 2, maxlength: 4000, value: this.drafts.get(key) ?? "", "aria-label": parent ? t("Reply") : anchor ? t("Comment on this session") : t("Comment on the plan"),
      placeholder: parent ? t("Reply") : t("Write a comment"), oninput: () => this.drafts.set(key, area.value) });
    const hint = h("small", {});
    const select = h("select", { "aria-label": t("Who may read it"), onchange: () => hintOf() }, h("option", { value: "coach" }, t("Private")), h("option", { value: "shared" }, t("Shared")));
    const hintOf = () => { hint.textContent = select.value === "coach" ? t("Coaches only.") : t`${this.athlete} will be able to read this.`; };
    if (parent) select.value = parent.visibility;
    hintOf();
    const error = h("p", { class: "mc-error", role: "alert" });
    const button = h("button", { type: "button", class: "mc-button", onclick: async () => {
      if (!area.value.trim()) return area.focus();
      button.disabled = true;
      try {
        await this.api.comment({ anchor_id: anchor, message: area.value, visibility: select.value, ...(parent && { parent_id: parent.id }) });
        this.drafts.delete(key);
        await this.#reload(again);
      } catch (problem) {
        error.textContent = t`Not sent: ${problem.message}`;
        button.disabled = false;
      }
    } }, t("Comment"));
    return h("div", { class: "rv-write" }, area, h("div", { class: "rv-send" }, select, button), hint, error);
  }

  async #settle(comment, button, again) {
    button.disabled = true;
    try {
      await this.api.resolve(comment.id);
      await this.#reload(again);
    } catch (problem) {
      button.disabled = false;
      button.after(h("span", { class: "mc-error", role: "alert" }, problem.message));
    }
  }

  async #reload(again) {
    const { data } = await this.api.comments();
    this.list = data.results ?? data;
    again();
    this.onCount();
  }
}
