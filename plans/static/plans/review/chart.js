// Fitness, fatigue and form to race day: with the edits solid, as saved dashed. All numbers come from the server.

import { fill, h, longDay, MINUS, t } from "./text.js";

const probe = document.createElement("canvas");
probe.width = probe.height = 1;
const pixel = probe.getContext("2d", { willReadFrequently: true });

/** Return a theme colour as rgb: the canvas cannot read the theme's own notation. */
function colour(name) {
  const element = document.createElement("span");
  element.style.color = `var(${name})`;
  document.body.append(element);
  pixel.fillStyle = getComputedStyle(element).color;
  element.remove();
  pixel.fillRect(0, 0, 1, 1);
  return `rgb(${[...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3).join(" ")})`;
}

const LINES = [["fitness", t("Fitness"), "--mc-primary", 1.8], ["fatigue", t("Fatigue"), "--mc-muted", 1], ["form", t("Form"), "--mc-form", 1.6]];

export class EffectChart {
  /** `numbers`: where the table goes that says the same as the curves. */
  constructor(canvas, { weeks, today, numbers }) {
    Object.assign(this, { canvas, today, numbers, answer: null, chart: null });
    this.weekOf = new Map(weeks.map((week) => [week.monday, `W${week.number}`]));
    new MutationObserver(() => this.#draw(true)).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  }

  show(answer) {
    this.answer = answer;
    this.#draw(false);
  }

  #draw(again) {
    const { answer } = this;
    if (!answer?.days?.length) return;
    if (again) this.chart?.destroy();
    if (again || !this.chart) this.chart = this.#make();
    this.chart.data.labels = answer.days;
    this.chart.data.datasets = this.#datasets(answer);
    this.chart.update("none");
    this.#table(answer);
    const last = (name) => Math.round(answer.after_series[name].at(-1) ?? 0);
    this.canvas.setAttribute("aria-label", t`On race day with the edits: fitness ${last("fitness")}, fatigue ${last("fatigue")}, form ${last("form")}`);
  }

  /** A row for the first day of each week and for race day, what is saved in brackets where the edits change it. */
  #table({ days, before_series: before, after_series: after }) {
    const value = (key, i) => {
      const [now, was] = [after, before].map((series) => Math.round(series[key][i]));
      return (now === was || Number.isNaN(was) ? String(now) : `${now} (${was})`).replaceAll("-", MINUS);
    };
    const rows = days.flatMap((day, i) => {
      const name = i === days.length - 1 ? t("Race day") : this.weekOf.get(day);
      return name ? [h("tr", {}, h("th", { scope: "row" }, name), LINES.map(([key]) => h("td", { class: "n" }, value(key, i))))] : [];
    });
    fill(this.numbers, h("table", { class: "mc-table" }, h("caption", { class: "mc-hidden" }, t("At the start of each week, as saved in brackets")),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Week")), LINES.map(([, label]) => h("th", { scope: "col", class: "n" }, label)))), h("tbody", {}, rows)));
  }

  #datasets({ before_series: before, after_series: after }) {
    const line = (label, data, name, width, more) => ({ label, data, borderColor: colour(name), borderWidth: width, pointRadius: 0, tension: 0.2, ...more });
    return LINES.flatMap(([key, label, name, width]) => [
      line(label, after[key], name, width),
      line(t`${label}, as saved`, before[key], name, 1, { borderDash: [3, 3] }),
    ]);
  }

  #make() {
    const tick = (value, index) => this.weekOf.get(this.answer.days[index]) ?? null;
    const marks = { color: colour("--mc-muted"), font: { size: 10 } };
    return new Chart(this.canvas, {
      type: "line",
      data: { labels: [], datasets: [] },
      options: {
        responsive: true, maintainAspectRatio: false, animation: false, interaction: { mode: "index", intersect: false },
        plugins: { legend: { display: false }, tooltip: { callbacks: { title: (items) => longDay(items[0].label), label: (item) => `${item.dataset.label} ${Math.round(item.parsed.y)}` } } },
        scales: {
          x: { grid: { display: false }, ticks: { ...marks, maxRotation: 0, autoSkip: false, callback: (value, index) => this.#everyOther(tick(value, index)) } },
          y: { grid: { color: colour("--mc-line") }, ticks: { ...marks, maxTicksLimit: 5 } },
        },
      },
    });
  }

  /** Keep about five week names, so that they do not run into each other. */
  #everyOther(name) {
    const every = Math.max(1, Math.round(this.weekOf.size / 5));
    return name && (Number(name.slice(1)) - 1) % every === 0 ? name : null;
  }
}
