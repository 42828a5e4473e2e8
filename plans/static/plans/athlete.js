// Two charts over one time axis: past solid, planned dotted. All numbers come from the server.
(() => {
  const source = document.getElementById("mc-chart-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const charts = [];

  const colour = (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const pixel = document.createElement("canvas").getContext("2d");
    pixel.fillStyle = getComputedStyle(probe).color;
    probe.remove();
    pixel.fillRect(0, 0, 1, 1);
    return `rgb(${[...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3).join(" ")})`;
  };
  const fixedWidth = (scale) => { scale.width = 44; };
  const month = (value) => new Date(`${value}T12:00`).toLocaleDateString(document.documentElement.lang || "en-gb", { day: "numeric", month: "short" });

  const days = [...data.days, ...data.planned.map((p) => p.day).filter((day) => !data.days.includes(day))];
  const offset = days.indexOf(data.planned.length ? data.planned[0].day : data.today);
  const pad = (values, before) => [...Array(before).fill(null), ...values];
  // The planned part begins where it begins, be it on the last known day or later.
  const join = (past, future) => [...past.slice(0, offset < 0 ? past.length : offset), ...future];
  const todayLine = {
    id: "today",
    afterDraw(chart) {
      const x = chart.scales.x.getPixelForValue(days.indexOf(data.today));
      if (!Number.isFinite(x)) return;
      const { ctx, chartArea } = chart;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = colour("--mc-primary");
      ctx.setLineDash([3, 3]);
      ctx.beginPath(); ctx.moveTo(x, chartArea.top); ctx.lineTo(x, chartArea.bottom); ctx.stroke();
      ctx.font = "600 10px Inter, sans-serif";
      ctx.fillText(gettext("today"), x + 4, chartArea.top + 9);
      ctx.restore();
    },
  };
  const options = (extra = {}) => ({
    responsive: true, maintainAspectRatio: false, animation: false, interaction: { mode: "index", intersect: false },
    plugins: { legend: { display: false }, tooltip: { callbacks: { title: (items) => month(days[items[0].dataIndex]) } } },
    scales: {
      x: { grid: { display: false }, ticks: { color: colour("--mc-muted"), maxTicksLimit: 9, maxRotation: 0, callback: (_, i) => month(days[i]) } },
      y: { afterFit: fixedWidth, grid: { color: colour("--mc-line") }, ticks: { color: colour("--mc-muted"), maxTicksLimit: 6 }, ...extra },
    },
  });
  const line = (label, values, name, more = {}) => ({ label, data: values, borderColor: colour(name), borderWidth: 1.8, pointRadius: 0, tension: 0.2, ...more });
  const dotted = { borderDash: [2, 3] };

  const draw = () => {
    charts.splice(0).forEach((chart) => chart.destroy());
    const planned = data.planned;
    const pmc = document.getElementById("mc-pmc");
    charts.push(new Chart(pmc, {
      type: "line", plugins: [todayLine], options: options(),
      data: { labels: days, datasets: [
        line(gettext("Fitness"), data.fitness, "--mc-primary"),
        line(gettext("Fatigue"), data.fatigue, "--mc-muted", { borderWidth: 1 }),
        line(gettext("Form"), data.form, "--mc-good"),
        line(gettext("Fitness, planned"), pad(planned.map((p) => p.fitness), offset), "--mc-primary", dotted),
        line(gettext("Fatigue, planned"), pad(planned.map((p) => p.fatigue), offset), "--mc-muted", { ...dotted, borderWidth: 1 }),
        line(gettext("Form, planned"), pad(planned.map((p) => p.form), offset), "--mc-good", dotted),
      ] },
    }));
    const tested = new Map(data.tests.map((t) => [t.day, t.value]));
    const perf = document.getElementById("mc-perf");
    if (!perf) return;
    charts.push(new Chart(perf, {
      type: "line", plugins: [todayLine], options: options(),
      data: { labels: days, datasets: [
        line(gettext("80 % high"), join(data.high, planned.map((p) => p.high)), "--mc-line", { fill: "+1", backgroundColor: "rgba(140,146,165,.25)" }),
        line(gettext("80 % low"), join(data.low, planned.map((p) => p.low)), "--mc-line"),
        line(gettext("Model"), data.performance, "--mc-ink"),
        line(gettext("Model, planned"), pad(planned.map((p) => p.performance), offset), "--mc-ink", dotted),
        { label: gettext("Test"), data: days.map((day) => tested.get(day) ?? null), showLine: false, pointStyle: "rectRot", radius: 5, borderColor: colour("--mc-ink"), backgroundColor: colour("--mc-ink") },
      ] },
    }));
  };
  /** What both charts show, at the end of each week: for who cannot see them, or wants the figures. */
  const table = (place) => {
    const planned = new Map(data.planned.map((row) => [row.day, row]));
    const known = (day) => {
      const i = data.days.indexOf(day);
      return { fitness: data.fitness[i], fatigue: data.fatigue[i], form: data.form[i], performance: data.performance?.[i], low: data.low?.[i], high: data.high?.[i] };
    };
    const text = (value) => (value === null || value === undefined ? "–" : value.toFixed(1).replace("-", "−"));
    const row = place.createTHead().insertRow();
    const head = (name, scope, at, more = "") => at.append(Object.assign(document.createElement("th"), { scope, className: more, textContent: name }));
    head(gettext("Week until"), "col", row);
    for (const name of [gettext("Fitness"), gettext("Fatigue"), gettext("Form"), ...(data.performance ? [gettext("Performance"), gettext("80 % low"), gettext("80 % high")] : [])]) head(name, "col", row, "n");
    const body = place.createTBody();
    for (const day of days.filter((one) => new Date(`${one}T12:00`).getDay() === 0).reverse()) {
      const found = planned.get(day) ?? known(day);
      const line = body.insertRow();
      head(`${month(day)}${planned.has(day) ? gettext(", planned") : ""}`, "row", line);
      for (const key of ["fitness", "fatigue", "form", ...(data.performance ? ["performance", "low", "high"] : [])]) Object.assign(line.insertCell(), { className: "n", textContent: text(found[key]) });
    }
  };
  draw();
  table(document.getElementById("mc-numbers"));
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
})();
