"use strict";
(() => {
  const WEEK = 7 * 86400;
  const data = JSON.parse(document.getElementById("data").textContent);
  const starts = Array.from({ length: data.weeks }, (_, number) => data.first + number * WEEK);
  const end = data.first + data.weeks * WEEK;
  const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
  const colour = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false },
    font: "12px system-ui, sans-serif" };
  let begin = Math.max(data.first, end - 53 * WEEK);

  const tellLast = (chart) => chart.setLegend({ idx: starts.length - 1 });
  const chart = (place, counts) => {
    const made = new uPlot({
      width: place.clientWidth,
      height: 136,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      padding: [8, 8, 0, 0],
      scales: {
        x: { range: () => [begin, end] },
        y: { range: (_chart, _least, most) => [0, Math.max(4, most * 1.1)] },
      },
      axes: [
        { ...axis, grid: { show: false }, space: 64, size: 40 },
        { ...axis, size: 44, space: 32, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] },
      ],
      series: [
        { value: (_chart, start) => start === null ? "" : `Week of ${day.format(start * 1000)}:` },
        { value: (_chart, count) => count ?? "", fill: colour("--bar"), width: 0, points: { show: false },
          paths: uPlot.paths.bars({ size: [1, 16], gap: 1, align: 1 }) },
      ],
      legend: { markers: { show: false } },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false }, sync: { key: "weeks" } },
      hooks: { setCursor: [(each) => each.cursor.idx === null && tellLast(each)] },
    }, [starts, counts], place);
    tellLast(made);
    new ResizeObserver(() => made.setSize({ width: place.clientWidth, height: 136 })).observe(place);
    return made;
  };

  const charts = [...document.querySelectorAll(".chart")].map((place, number) => chart(place, data.pairs[number]));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((each) => each.redraw()));

  const buttons = [...document.querySelectorAll("#range button")];
  document.getElementById("range").hidden = data.weeks <= 53 || !charts.length;
  const show = (chosen) => {
    begin = chosen.dataset.weeks === "0" ? data.first : Math.max(data.first, end - chosen.dataset.weeks * WEEK);
    buttons.forEach((each) => each.setAttribute("aria-pressed", each === chosen));
    charts.forEach((each) => each.setData(each.data));
  };
  buttons.forEach((each) => each.addEventListener("click", () => show(each)));
})();
