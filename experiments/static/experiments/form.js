// What the experiment's form does beyond a form: rows come and go, the sum of the weights is said at once. Without it
// there are six rows, and the server says what is wrong.
"use strict";
(() => {
  const rows = document.getElementById("xp-rows");
  const total = document.getElementById("xp-total");
  const same = document.getElementById("xp-same");
  const add = document.getElementById("xp-add");
  const parameter = document.querySelector("[name=parameter]");

  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.querySelector(".ro-act-d[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
  if (!rows) return;

  const all = () => [...rows.querySelectorAll("[data-row]")];
  const field = (row, part) => row.querySelector(`[name^=${part}-]`);
  const shown = () => all().filter((row) => !row.hidden);
  const named = () => shown().filter((row) => field(row, "variant").value.trim());

  function said(thousandths) {
    if (Number.isNaN(thousandths)) return gettext("A weight is no number");
    const text =
      thousandths === 100000 ? gettext("Sum {0} %") : thousandths < 100000 ? gettext("Sum {0} %, short of 100") : gettext("Sum {0} %, above 100");
    return text.replace("{0}", (thousandths / 1000).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 3, useGrouping: false }));
  }

  function sum() {
    const weights = shown().map((row) => field(row, "weight").value.trim()).filter(Boolean);
    const found = weights.reduce((so, weight) => so + Math.round(Number(weight) * 1000), 0);
    total.textContent = weights.length ? said(found) : "";
    total.className = found === 100000 ? "good" : "bad";
  }

  function offer() {
    // A value belongs to the parameter that is chosen; those of others are not offered.
    if (!parameter) return;
    for (const row of all()) {
      const values = field(row, "value");
      values.disabled = !parameter.value;
      if (!parameter.value) values.value = "";
      for (const group of values.querySelectorAll("optgroup")) group.disabled = group.dataset.of !== parameter.value;
    }
  }

  function tidy() {
    const seen = shown();
    if (add) add.disabled = seen.length >= Number(rows.dataset.most);
    for (const row of seen) {
      const remove = row.querySelector("[data-remove]");
      if (remove) remove.hidden = seen.length <= 2;
    }
    sum();
  }

  function show() {
    let row = all().find((one) => one.hidden);
    if (row) row.hidden = false;
    else {
      const next = Math.max(...all().map((one) => Number(field(one, "variant").name.split("-")[1]))) + 1;
      rows.insertAdjacentHTML("beforeend", document.getElementById("xp-row").innerHTML.replaceAll("__i__", next));
      row = rows.lastElementChild;
    }
    offer();
    tidy();
    return row;
  }

  same.hidden = false;
  same.addEventListener("click", () => {
    // Thousandths that sum to 100: the first ones take what a division leaves over.
    const arms = named().length ? named() : shown();
    const each = Math.floor(100000 / arms.length);
    for (const row of shown()) field(row, "weight").value = "";
    arms.forEach((row, i) => { field(row, "weight").value = (each + (i < 100000 % arms.length ? 1 : 0)) / 1000; });
    sum();
  });
  rows.addEventListener("input", sum);
  if (add) {
    all().forEach((row, i) => {
      const isEmpty = ["variant", "weight", "value"].every((part) => !field(row, part).value);
      row.hidden = isEmpty && i > 1;
    });
    add.hidden = false;
    add.addEventListener("click", () => field(show(), "variant").focus());
    rows.addEventListener("click", (event) => {
      const row = event.target.closest("[data-remove]")?.closest("[data-row]");
      if (!row) return;
      for (const part of ["variant", "weight", "value"]) field(row, part).value = "";
      if (row.querySelector("[name=control]").checked) shown().find((one) => one !== row).querySelector("[name=control]").checked = true;
      row.hidden = true;
      tidy();
      add.focus();
    });
    parameter.addEventListener("change", offer);
    offer();
  }
  tidy();
})();
