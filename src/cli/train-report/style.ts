/** The look of the report: one style sheet, light and dark as the reader's system has it. */

/** Colours of runs, in order; names of the style sheet. */
export const RUN_COLOURS: readonly string[] = [
  'var(--run-1)',
  'var(--run-2)',
  'var(--run-3)',
  'var(--run-4)',
  'var(--run-5)',
  'var(--run-6)',
  'var(--run-7)',
  'var(--run-8)',
];

/** The style sheet. */
export const PAGE_STYLE: string = `
:root {
  --back: #fbfbf9; --text: #1d1f22; --dim: #62676e; --grid: #e3e4e0; --card: #ffffff;
  --run-1: #2366c4; --run-2: #c2571a; --run-3: #2c8a57; --run-4: #8a4fb5;
  --run-5: #b3273f; --run-6: #0f7f8c; --run-7: #7a6a00; --run-8: #5b6570; --warn: #9a6700;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #15171a; --text: #e6e7e9; --dim: #9aa0a8; --grid: #2c3036; --card: #1b1e22;
    --run-1: #6ea8ff; --run-2: #ff9d5c; --run-3: #62c98f; --run-4: #c795ee;
    --run-5: #ff8095; --run-6: #58c7d4; --run-7: #d3c04f; --run-8: #aab3bd; --warn: #e0b04a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1360px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 24px; margin: 0 0 16px; }
h2 { font-size: 18px; margin: 32px 0 12px; }
.scroll { overflow-x: auto; margin-bottom: 16px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 18px 4px 0; border-bottom: 1px solid var(--grid); white-space: nowrap; }
tbody th { font-weight: 400; color: var(--dim); }
.grid td, .grid th { padding: 4px 8px; text-align: center; }
.grid svg { width: 120px; height: 56px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; }
figure { margin: 0; padding: 12px; min-width: 0; max-width: 720px; background: var(--card); border: 1px solid var(--grid); border-radius: 8px; }
figcaption { font-weight: 600; margin-bottom: 6px; }
.unit { font-weight: 400; font-size: 13px; color: var(--dim); }
svg { display: block; width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--dim); }
path { fill: none; vector-effect: non-scaling-stroke; }
.grid path { stroke-width: 1; }
path.grid { stroke: var(--grid); }
.axis { stroke: var(--dim); }
.line { stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }
.line.faint { stroke-width: 1; opacity: 0.3; }
.line.dashed { stroke-dasharray: 5 4; }
.dot { fill: var(--c); }
.bars { fill: var(--c); }
.before { stroke: var(--text); stroke-width: 1; opacity: 0.7; }
.mark { stroke: var(--dim); stroke-dasharray: 2 3; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 8px 0 0; padding: 0; font-size: 13px; color: var(--dim); }
.key { display: inline-block; width: 16px; height: 3px; margin-right: 6px; vertical-align: middle; background: var(--c); }
.key.faint { opacity: 0.3; }
.note { margin: 8px 0 0; font-size: 13px; color: var(--dim); }
.warning { color: var(--warn); }
.compare { font-size: 17px; }
details { margin: 8px 0; }
pre { overflow-x: auto; padding: 12px; background: var(--card); border: 1px solid var(--grid); border-radius: 8px; font-size: 13px; }
@media (max-width: 560px) {
  main { padding: 16px 12px 40px; }
  figure { padding: 10px 8px; }
  th, td { padding-right: 10px; white-space: normal; }
  table { font-size: 13px; }
  .compare { font-size: 15px; }
  svg text { font-size: 20px; }
}
`;
