// The one wrapper around ApexCharts: lines over time, in the page's own colours, light and dark. Pages describe what to show
// (Components/Charts/TimeChart.razor); nothing of ApexCharts is known outside this file.
import ApexCharts from "apexcharts";

interface Series {
  name: string;
  /** Beside each label; null where there is nothing. */
  points: (number | null)[];
  /** A colour token's name without the dashes. */
  colour: string;
  isDashed: boolean;
}

interface Spec {
  labels: string[];
  series: Series[];
  max: number;
  unit: string;
  decimals: number;
  height: number;
}

/** The colour that a token stands for where the chart stands: light-dark() is resolved by the browser only in a property. */
function colour(el: Element, token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${token})`;
  el.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function options(el: HTMLElement, { labels, series, max, unit, decimals, height }: Spec): ApexCharts.ApexOptions {
  const isDark = getComputedStyle(el).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  const [muted, line] = [colour(el, "muted"), colour(el, "line")];
  const write = (value: number | null | undefined) => (value === null || value === undefined ? "–" : value.toFixed(decimals) + unit);
  const font = { colors: muted, fontSize: "12px" };
  return {
    chart: {
      type: "line", height, background: "transparent", fontFamily: "Inter, system-ui, sans-serif", foreColor: muted,
      toolbar: { show: false }, zoom: { enabled: false }, animations: { enabled: false }, parentHeightOffset: 0,
    },
    theme: { mode: isDark ? "dark" : "light" },
    series: series.map(({ name, points }) => ({ name, data: points })),
    colors: series.map(one => colour(el, one.colour)),
    stroke: { width: 2, curve: "straight", dashArray: series.map(one => (one.isDashed ? 5 : 0)) },
    // a day alone between empty ones has no line, only a dot
    markers: { size: labels.length <= 14 ? 4 : 2, strokeWidth: 0, hover: { sizeOffset: 2 } },
    // a phone has room for few labels
    responsive: [{ breakpoint: 600, options: { xaxis: { tickAmount: Math.min(3, labels.length - 1) } } }],
    grid: { borderColor: line, strokeDashArray: 0, padding: { left: 12, right: 12 } },
    xaxis: {
      type: "category", categories: labels, tickAmount: Math.min(6, labels.length - 1), tooltip: { enabled: false },
      labels: { rotate: 0, hideOverlappingLabels: true, style: font }, axisBorder: { color: line }, axisTicks: { color: line },
    },
    yaxis: { min: 0, max, tickAmount: max <= 10 ? 5 : 4, labels: { formatter: value => Math.round(value) + unit, style: font } },
    legend: { show: series.length > 1, position: "bottom", horizontalAlign: "left", labels: { colors: muted }, markers: { size: 5 }, itemMargin: { horizontal: 8 } },
    tooltip: { shared: true, intersect: false, y: { formatter: write } },
    dataLabels: { enabled: false },
  };
}

/** Draws into an element, again whenever the page changes between light and dark. */
export function show(el: HTMLElement, spec: Spec): { update(spec: Spec): Promise<void>; close(): void } {
  let chart: ApexCharts | undefined;
  let isClosed = false;
  let drawn = Promise.resolve();
  const draw = async () => {
    chart?.destroy();
    if (isClosed || !el.isConnected) return;
    chart = new ApexCharts(el, options(el, spec));
    await chart.render();
  };
  // one after the other, and once the page has its new colours
  const again = () => (drawn = drawn.then(() => new Promise(next => requestAnimationFrame(() => void draw().finally(next)))));
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", again);
  const theme = new MutationObserver(again);
  theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  again();
  return {
    update(next) {
      spec = next;
      return again();
    },
    close() {
      isClosed = true;
      scheme.removeEventListener("change", again);
      theme.disconnect();
      chart?.destroy();
    },
  };
}
