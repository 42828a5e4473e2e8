// What the operators' pages do beyond links and forms: the rollback dialog in two steps, and the upper part that asks
// again every 10 seconds. Without it every page still shows its state and takes every other command.
"use strict";
(() => {
  const live = document.getElementById("ro-live");
  const dialog = document.getElementById("ro-rollback");
  const said = document.getElementById("ro-said");
  const lost = document.getElementById("ro-lost");

  function centre() {
    const ladder = document.querySelector(".ro-ladder");
    const current = ladder?.querySelector(".current");
    if (!current) return;
    const left = current.offsetLeft - ladder.offsetLeft - (ladder.clientWidth - current.clientWidth) / 2;
    ladder.scrollTo({ left, behavior: "instant" });
  }

  function follow() {
    const seen = live.querySelector("[data-version]").dataset;
    // A form that somebody is filling in keeps the step it was opened on, so that a change meanwhile is a conflict.
    for (const input of document.querySelectorAll(".ro-act-d:not([open]) [name=expected]")) input.value = seen.version;
    if (dialog && !dialog.open) dialog.querySelector("[name=expected]").value = seen.version;
    const blocked = document.getElementById("ro-blocked");
    if (blocked && seen.blocked) blocked.textContent = seen.blocked;
    return seen.outcomes;
  }

  if (live) {
    let outcomes = follow();
    const at = document.getElementById("ro-at");
    let time = at.textContent;
    document.body.addEventListener("htmx:afterSettle", () => {
      const now = follow();
      if (now !== outcomes) said.textContent = `Gates changed. ${now}`;
      outcomes = now;
      time = document.getElementById("ro-at").textContent;
      lost.hidden = true;
      centre();
    });
    for (const event of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
      document.body.addEventListener(event, () => {
        lost.querySelector("[data-lost]").textContent = time;
        lost.hidden = false;
      });
    }
    addEventListener("resize", centre);
    // Nothing has a size until the theme's script has run.
    setTimeout(centre, 60);
  }

  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.querySelector(".ro-act-d[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });

  if (!dialog) return;
  const form = dialog.querySelector("form");
  const heading = dialog.querySelector("h2");
  const text = dialog.querySelector("textarea");
  let step = 1;

  function go(to) {
    step = to;
    for (const part of dialog.querySelectorAll("[data-step]")) part.hidden = Number(part.dataset.step) !== step;
    for (const tab of dialog.querySelectorAll("[data-tab]")) tab.classList.toggle("at", Number(tab.dataset.tab) === step);
    heading.focus();
  }

  document.querySelector("[data-open=ro-rollback]").addEventListener("click", () => { dialog.showModal(); go(1); });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  for (const button of dialog.querySelectorAll("[data-go]")) button.addEventListener("click", () => go(Number(button.dataset.go)));
  dialog.addEventListener("keydown", (event) => {
    // Enter in a field is no decision; the modal dialog of the browser keeps the rest of the page inert, so that Tab
    // only has to be turned around at its two ends.
    if (event.key === "Enter" && event.target.matches("input, select")) event.preventDefault();
    if (event.key !== "Tab") return;
    const stops = [...dialog.querySelectorAll("button, input:not([type=hidden]), select, textarea")].filter((e) => e.offsetParent);
    const [first, last] = [stops[0], stops.at(-1)];
    if (event.shiftKey && (document.activeElement === first || document.activeElement === heading)) { event.preventDefault(); last.focus(); }
    else if (!event.shiftKey && document.activeElement === last) { event.preventDefault(); first.focus(); }
  });
  text.addEventListener("input", () => { dialog.querySelector("[data-count]").textContent = text.value.trim().length; });
  form.addEventListener("submit", (event) => { if (step !== 2) event.preventDefault(); });
})();
