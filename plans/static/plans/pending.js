// Filters, search and keys of the pending list; every row is there without any of it. Who comes back from a plan stands
// where they left: on that plan, or, if it no longer awaits review, on the one that took its place.
"use strict";
(() => {
  const rows = [...document.querySelectorAll(".mp-table tbody tr")];
  const buttons = [...document.querySelectorAll(".mp-filter")];
  const search = document.querySelector(".mp-search");
  const none = document.querySelector(".mp-none");
  const help = document.querySelector(".mp-dialog");
  const PLACE = "mesocycle.pending.place";
  if (!rows.length) return;
  let filter = "", at = -1;

  const shown = () => rows.filter((row) => !row.hidden);

  function refresh() {
    const words = search.value.trim().toLowerCase();
    for (const row of rows) {
      const passes = !filter || row.dataset.tags.split(" ").includes(filter);
      row.hidden = !(passes && row.dataset.words.includes(words));
    }
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.filter === filter));
    none.hidden = shown().length > 0;
    stand(-1);
  }

  function stand(index) {
    const visible = shown();
    rows.forEach((row) => row.classList.remove("mp-at"));
    at = Math.min(Math.max(index, -1), visible.length - 1);
    if (at < 0) return;
    visible[at].classList.add("mp-at");
    visible[at].querySelector("a").focus({ preventScroll: true });
    visible[at].scrollIntoView({ block: "nearest" });
  }

  function leave(row) {
    try {
      sessionStorage.setItem(PLACE, JSON.stringify({ href: row.querySelector("a").href, index: rows.indexOf(row) }));
    } catch {
      // Without storage the list starts at its top again.
    }
  }

  function comeBack() {
    try {
      const { href, index } = JSON.parse(sessionStorage.getItem(PLACE)) ?? {};
      sessionStorage.removeItem(PLACE);
      if (!href) return;
      const same = rows.findIndex((row) => row.querySelector("a").href === href);
      stand(same >= 0 ? same : index);
    } catch {
      // See above.
    }
  }

  for (const row of rows) {
    row.querySelector("a").addEventListener("click", () => leave(row));
    row.addEventListener("focusin", () => { if (shown()[at] !== row) stand(shown().indexOf(row)); });
  }
  for (const button of buttons) button.addEventListener("click", () => { filter = button.dataset.filter; refresh(); });
  document.querySelector("[data-clear]").addEventListener("click", () => { filter = ""; search.value = ""; refresh(); });
  document.querySelector(".mp-help").addEventListener("click", () => help.showModal());
  search.addEventListener("input", refresh);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape" || event.key === "Enter") { event.preventDefault(); search.blur(); stand(0); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    if (help.open) return;
    if (event.key === "j") stand(at + 1);
    else if (event.key === "k") stand(Math.max(at - 1, 0));
    else if (event.key === "c" && at >= 0) { leave(shown()[at]); location.assign(shown()[at].dataset.compare); }
    else if (event.key === "?") help.showModal();
    else if (event.key === "/") { event.preventDefault(); search.focus(); }
    else if (event.key === "Enter" && at >= 0 && !event.target.matches("a, button")) shown()[at].querySelector("a").click();
  });
  // A list kept by the browser for "back" is as old as the visit.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  comeBack();
})();
