// How the console looks: one file, by the system's fonts and its light or dark.

export const style = `:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #fff; --ink: #16202b; --faint: #56636f; --line: #dde2e8; --accent: #0b5c8a;
  --good: #17633a; --good-bg: #e0f3e7; --warn: #7a4b00; --warn-bg: #fdeecb; --bad: #a3211c; --bad-bg: #fde4e1; --plain-bg: #e8ecf1;
  --s0: #c2410c; --s1: #0b6bb0; --s2: #7c3aed; --s3: #15803d; --s4: #b8860b; --s5: #be185d; --s6: #64748b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f151b; --card: #182129; --ink: #e6ebf0; --faint: #9fadb9; --line: #2b3743; --accent: #74c0ef;
    --good: #86dba6; --good-bg: #14351f; --warn: #f5c76b; --warn-bg: #3b2a08; --bad: #ff9d95; --bad-bg: #451916; --plain-bg: #26323d;
    --s0: #fb923c; --s1: #56b3f5; --s2: #b79bff; --s3: #5fd38d; --s4: #f2cf5b; --s5: #f88dbb; --s6: #94a3b8;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; } dd, .note { overflow-wrap: anywhere; }
code, .code { font: 0.875em/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
main:focus { outline: none; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--card); padding: 0.5rem 1rem; z-index: 2; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

header { background: var(--card); border-bottom: 1px solid var(--line); }
.bar, header nav, main, footer { max-width: 76rem; margin: 0 auto; padding-inline: 1.25rem; }
.bar { display: flex; align-items: center; justify-content: space-between; gap: 1rem; padding-top: 0.9rem; }
.brand { display: flex; align-items: center; gap: 0.55rem; font-weight: 650; font-size: 1.1rem; color: inherit; text-decoration: none; }
.who { font-weight: 600; } .who .label { font-weight: 400; color: var(--faint); }
nav ul { display: flex; list-style: none; margin: 0; padding: 0; gap: 0.25rem; overflow-x: auto; }
header nav a { display: block; padding: 0.7rem 0.75rem; color: var(--faint); text-decoration: none; border-bottom: 3px solid transparent; white-space: nowrap; }
header nav a:hover { color: var(--ink); }
header nav a[aria-current] { color: var(--ink); font-weight: 600; border-bottom-color: var(--accent); }
header nav a:focus-visible { outline-offset: -3px; }

main { padding-block: 1.5rem 1rem; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; letter-spacing: -0.01em; }
.about { margin: 0.25rem 0 1.5rem; color: var(--faint); }
h2 { margin: 2rem 0 0.75rem; font-size: 1.125rem; }
.about + section h2 { margin-top: 0; }
.note, footer, .faint { color: var(--faint); } .note { font-size: 0.9rem; }
footer { padding-block: 0.5rem 2rem; font-size: 0.9rem; }
.empty, .verdict { padding: 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px; color: var(--faint); margin: 0; }
.verdict { font-weight: 600; margin-bottom: 2rem; } .verdict p { margin: 0; } .verdict ul { margin: 0.5rem 0 0; padding-left: 1.25rem; font-weight: 400; }
.verdict.good { background: var(--good-bg); color: var(--good); border-color: transparent; }
.verdict.bad { background: var(--bad-bg); color: var(--bad); border-color: transparent; }

.scroll { background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.925rem; }
th, td { text-align: left; vertical-align: top; padding: 0.6rem 0.9rem; border-bottom: 1px solid var(--line); }
th { color: var(--faint); font-weight: 600; font-size: 0.825rem; white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td time { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.code { font-size: 0.825rem; white-space: nowrap; } td code { font-size: 0.825rem; }

dl { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
dl div { display: grid; grid-template-columns: 11rem 1fr; gap: 1rem; padding: 0.55rem 0.9rem; border-bottom: 1px solid var(--line); }
dl div:last-child { border-bottom: 0; }
dt { color: var(--faint); } dd { margin: 0; min-width: 0; }
.words { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.3rem; }
.words li { background: var(--plain-bg); border-radius: 4px; padding: 0 0.45rem; font-size: 0.875rem; }
td > div { overflow-wrap: anywhere; } td strong, td code.faint { white-space: nowrap; } td dl { margin-top: 0.5rem; min-width: 22rem; } td dl div { grid-template-columns: 6rem 1fr; }
summary { cursor: pointer; color: var(--accent); }

.badge { display: inline-block; padding: 0.05rem 0.5rem; border-radius: 99px; font-size: 0.825rem; font-weight: 600; background: var(--plain-bg); white-space: nowrap; }
.badge.good { background: var(--good-bg); color: var(--good); } .badge.warn { background: var(--warn-bg); color: var(--warn); } .badge.bad { background: var(--bad-bg); color: var(--bad); }

.filter { display: flex; flex-wrap: wrap; align-items: end; gap: 0.75rem 1rem; margin-bottom: 1.25rem; }
label { display: block; font-size: 0.875rem; color: var(--faint); }
input, select, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--faint); border-radius: 6px; padding: 0.4rem 0.65rem; min-height: 2.5rem; }
::placeholder { color: var(--faint); opacity: 1; }
.filter input:not([type="checkbox"]) { width: 11rem; }
.check { display: flex; align-items: center; gap: 0.5rem; min-height: 2.5rem; } .check label { color: var(--ink); font-size: 1rem; }
input[type="checkbox"] { min-height: 0; width: 1.1rem; height: 1.1rem; margin: 0; accent-color: var(--accent); }
button { cursor: pointer; font-weight: 600; padding-inline: 1rem; } button:hover { border-color: var(--ink); } button:disabled { opacity: 0.5; cursor: default; }
.end { min-height: 2rem; padding-block: 0.1rem; color: var(--bad); border-color: currentColor; }
.danger { background: var(--bad); color: var(--card); border-color: var(--bad); }
.said:empty { display: none; } .said { padding: 0.75rem 0.9rem; background: var(--plain-bg); border-radius: 8px; }
dialog { color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.5rem; width: min(28rem, calc(100vw - 2rem)); }
dialog::backdrop { background: rgb(0 0 0 / 0.5); } dialog h2 { margin: 0; } dialog input { width: 100%; margin-top: 0.25rem; }
.buttons { display: flex; justify-content: flex-end; gap: 0.75rem; margin-top: 1.25rem; }

.spans { margin-bottom: 1rem; } .spans a { display: block; padding: 0.35rem 0.9rem; border: 1px solid var(--line); border-radius: 99px; background: var(--card); text-decoration: none; white-space: nowrap; }
.spans a[aria-current] { background: var(--accent); border-color: var(--accent); color: var(--card); font-weight: 600; }
figure { margin: 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.plot { display: block; width: 100%; height: auto; } .plot .grid { stroke: var(--line); } .plot .axis { fill: var(--faint); font-size: 13px; font-variant-numeric: tabular-nums; }
.s0 { fill: var(--s0); } .s1 { fill: var(--s1); } .s2 { fill: var(--s2); } .s3 { fill: var(--s3); } .s4 { fill: var(--s4); } .s5 { fill: var(--s5); } .s6 { fill: var(--s6); }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; list-style: none; margin: 0.75rem 0 0; padding: 0; font-size: 0.9rem; } .legend svg { vertical-align: -1px; }

.plot.narrow { display: none; }

@media (max-width: 46rem) {
  .plot.wide { display: none; } .plot.narrow { display: block; }
  nav ul { flex-wrap: wrap; } td.code { white-space: normal; } td > div { overflow-wrap: anywhere; }
  header nav { padding-top: 0.4rem; } header nav a { padding: 0.35rem 0.6rem; } td strong, td code.faint { white-space: normal; } td > div { min-width: 0; }
  .who .label { display: none; }
  .scroll { background: none; border: 0; }
  table, tbody, tr, td { display: block; } thead { display: none; }
  tr { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin-bottom: 0.75rem; padding: 0.35rem 0; }
  td, td.number { display: grid; grid-template-columns: 6.5rem 1fr; gap: 0.75rem; border: 0; padding: 0.25rem 0.9rem; text-align: left; white-space: normal; }
  td::before { content: attr(data-head); color: var(--faint); font: 400 0.875rem/1.6 system-ui, sans-serif; }
  td dl { min-width: 0; } dl div { grid-template-columns: 1fr; gap: 0; } td dl div { grid-template-columns: 1fr; }
  .filter > div:not(.check) { flex: 1 1 100%; } .filter input:not([type="checkbox"]), .filter select, .filter button { width: 100%; }
}
@media (prefers-reduced-motion: no-preference) { a, button { transition: color 0.1s, border-color 0.1s; } }
@media print { header nav, .filter, .end, .skip, .spans { display: none; } body { background: none; } }
`
