// What the admin theme leaves out for keyboards and screen readers, put right on every page: the main landmark, a way past
// the navigation, controls that are no buttons, icons that would be read out, names of search fields and scroll regions, the
// field to begin in.
"use strict";
(() => {
  const t = window.gettext ?? ((text) => text); // of texts.js
  const NAMES = {
    dock_to_right: t("Navigation"), filter_list: t("Filters"), close: t("Close"), visibility: t("Show the password"),
    visibility_off: t("Hide the password"), show_chart: t("Start page"), search: t("Search"), more_horiz: t("More"),
    light_mode: t("Theme"), dark_mode: t("Theme"), computer: t("Theme"), expand_more: t("More"),
  };

  function landmarks() {
    (document.getElementById("main") ?? document.getElementById("page"))?.setAttribute("role", "main");
    const content = document.getElementById("content");
    if (!content || document.querySelector(".mc-skip")) return;
    content.tabIndex = -1;
    const skip = Object.assign(document.createElement("a"), { className: "mc-skip", href: "#content", textContent: t("Skip the navigation") });
    skip.addEventListener("click", (event) => { event.preventDefault(); content.focus(); });
    document.body.prepend(skip);
  }

  /** A header or footer inside the main landmark heads its part and not the page; its element alone would say the page. */
  function parts(root) {
    for (const part of root.querySelectorAll("#main :is(header, footer):not([role])")) part.setAttribute("role", "presentation");
  }

  /** Make what the theme lets a mouse click work by keyboard as well. */
  function controls(root) {
    for (const element of root.querySelectorAll("span[x-on\\:click], a[x-on\\:click]:not([href]), div.cursor-pointer[x-on\\:click]")) {
      if (element.dataset.operable || element.closest("label")) continue;
      element.dataset.operable = "yes";
      element.tabIndex = 0;
      element.setAttribute("role", "button");
      const icon = element.matches(".material-symbols-outlined") ? element : element.querySelector(".material-symbols-outlined");
      const word = icon?.textContent.trim();
      if (word && element.textContent.trim() === word) element.setAttribute("aria-label", NAMES[word] ?? word.replaceAll("_", " "));
      element.addEventListener("keydown", (event) => {
        if (event.target !== element || (event.key !== "Enter" && event.key !== " ")) return;
        event.preventDefault();
        element.click();
      });
    }
  }

  /** An icon is a word to the font, and would be read as that word; where it is all that a control shows, it gets a name. */
  function icons(root) {
    for (const icon of root.querySelectorAll(".material-symbols-outlined:not([aria-hidden], [role], [aria-label])")) {
      const word = icon.textContent.trim();
      const control = icon.closest("a, button");
      icon.setAttribute("aria-hidden", "true");
      if (control?.textContent.trim() === word && !control.title && !control.getAttribute("aria-label")) {
        control.setAttribute("aria-label", NAMES[word] ?? word.replaceAll("_", " "));
      }
    }
  }

  function searchFields(root) {
    for (const box of root.querySelectorAll(".select2-selection[role=combobox]")) {
      const select = box.closest(".select2-container")?.previousElementSibling;
      const label = select?.id && document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
      const shown = box.querySelector(".select2-selection__rendered");
      if (!label || !shown) continue;
      label.id ||= `${select.id}-label`;
      shown.removeAttribute("role");
      shown.removeAttribute("aria-readonly");
      box.setAttribute("aria-labelledby", `${label.id} ${shown.id}`);
    }
  }

  function scrollRegions(root) {
    for (const region of root.querySelectorAll(".simplebar-content-wrapper[role=region]")) {
      region.setAttribute("aria-label", region.closest("#nav-sidebar-apps") ? t("Pages") : t("Table"));
    }
  }

  function all(root) {
    for (const part of [parts, controls, icons, searchFields, scrollRegions]) part(root);
  }

  /** The theme hides a page until its scripts have run, and what is hidden when the browser looks gets no autofocus. */
  function focused() {
    if (document.activeElement === document.body) document.querySelector("[autofocus]:not(dialog *)")?.focus();
  }

  document.addEventListener("alpine:initialized", () => setTimeout(focused)); // the theme shows the page in a microtask
  addEventListener("DOMContentLoaded", () => { landmarks(); all(document); });
  addEventListener("load", () => {
    all(document); // what other scripts have drawn by then
    if (!document.querySelector("select.admin-autocomplete")) return;
    new MutationObserver(() => searchFields(document)).observe(document.getElementById("main"), { childList: true, subtree: true });
  });
  document.addEventListener("htmx:load", (event) => all(event.target));
})();
