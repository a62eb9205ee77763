// How the page of who may do what looks: on a light and a dark screen, and on paper.
export const style = `
:root {
  color-scheme: light dark;
  --ground: #fbfaf7; --card: #fff; --ink: #1d2126; --quiet: #5b6470; --line: #dcd9d1; --accent: #0b5cad;
  --own: #1b6e3c; --own-ground: #e2f3e7; --team: #0e6474; --team-ground: #def1f4;
  --label: #6a4b9c; --label-ground: #eee7f8; --all: #8a4b00; --all-ground: #fdeed6;
  --deny: #a4161a; --deny-ground: #fbe3e3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15181c; --card: #1d2126; --ink: #e8e6e1; --quiet: #a0a8b2; --line: #363c44; --accent: #7cb7f5;
    --own: #8fdcaa; --own-ground: #17351f; --team: #8cd6e4; --team-ground: #12333a;
    --label: #c7aef0; --label-ground: #2e2343; --all: #f2bd74; --all-ground: #3d2a0d;
    --deny: #ff9c9c; --deny-ground: #4a1618;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 84rem; padding: 1.5rem clamp(1rem, 3vw, 2.5rem) 4rem;
  font: 16px/1.5 system-ui, sans-serif; background: var(--ground); color: var(--ink); }
h1 { font-size: 1.75rem; margin: 0; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; } header p, .legend { color: var(--quiet); margin: .25rem 0 0; }
code, .name, .calls { font-family: ui-monospace, 'DejaVu Sans Mono', monospace; font-size: .875em; }
a { color: var(--accent); } :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; } th, td { text-align: start; vertical-align: top; padding: .35rem .75rem; }
.grants { width: 100%; background: var(--card); border: 1px solid var(--line); }
.grants thead th { color: var(--quiet); font-weight: 600; } .grants tbody tr { border-top: 1px solid var(--line); }
.grants tbody th { font-weight: 600; overflow-wrap: anywhere; } .line { color: var(--quiet); }
.roles { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem; }
article { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .9rem 1rem; }
article p { margin: 0 0 .5rem; color: var(--quiet); }
article:target { outline: 3px solid var(--accent); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .75rem; margin: 0; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
dd ul { margin: 0; padding: 0; list-style: none; }
.tag { font-size: .75rem; font-weight: 600; padding: .05rem .45rem; border-radius: 1rem; border: 1px solid var(--line); white-space: nowrap; }
.root { color: var(--deny); background: var(--deny-ground); border-color: currentcolor; }
.trial { color: var(--label); background: var(--label-ground); border-color: currentcolor; }
.filter { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: center; margin-bottom: .5rem; }
.filter[hidden] { display: none; }
.filter input[type=search], .filter select { font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--quiet); border-radius: .4rem; padding: .35rem .6rem; }
.filter input[type=search] { flex: 1 1 16rem; max-width: 26rem; } .filter output { color: var(--quiet); }
.check { display: inline-flex; gap: .4rem; align-items: center; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .875rem; margin-bottom: .75rem; }
.scroll { overflow: auto; max-height: 85vh; border: 1px solid var(--line); background: var(--card); }
.operations { width: 100%; } .operations caption { position: absolute; clip-path: inset(50%); }
.operations thead th { position: sticky; top: 0; z-index: 2; background: var(--card); box-shadow: inset 0 -1px var(--line); }
.operations th:first-child { position: sticky; left: 0; z-index: 1; background: var(--card); font-weight: 400; }
.operations thead th:first-child { z-index: 3; }
.operations tbody tr { border-top: 1px solid var(--line); }
.operations tr.group th { background: var(--ground); font-weight: 700; padding-top: .6rem; }
.operations tbody tr:hover > * { background: color-mix(in srgb, var(--accent) 8%, var(--card)); }
.name { display: block; font-weight: 600; } .calls { display: block; color: var(--quiet); font-size: .75rem; }
.cell { display: inline-block; min-width: 3.2rem; text-align: center; padding: .05rem .45rem; border-radius: .3rem; font-size: .85rem; font-weight: 600; }
.own { color: var(--own); background: var(--own-ground); } .team { color: var(--team); background: var(--team-ground); }
.label { color: var(--label); background: var(--label-ground); } .all { color: var(--all); background: var(--all-ground); }
.deny { color: var(--deny); background: var(--deny-ground); text-decoration: line-through; }
.none span { display: inline-block; min-width: 3.2rem; text-align: center; color: var(--quiet); }
[hidden] { display: none !important; }
@media print {
  :root { color-scheme: light; --ground: #fff; --card: #fff; --ink: #000; --quiet: #444; --line: #bbb; --accent: #000;
    --own: #000; --own-ground: #fff; --team: #000; --team-ground: #fff; --label: #000; --label-ground: #fff;
    --all: #000; --all-ground: #fff; --deny: #000; --deny-ground: #fff; }
  @page { margin: 14mm 12mm; }
  body { font-size: 9.5pt; max-width: none; padding: 0; } .filter { display: none; }
  .scroll { overflow: visible; max-height: none; border: 0; }
  .operations thead th, .operations th:first-child { position: static; }
  thead { display: table-header-group; } tr, article { break-inside: avoid; } h2 { break-after: avoid; }
  .operations tr.group { break-after: avoid; }
  .cell { border: 1px solid #888; } .operations th, .operations td { padding: .15rem .4rem; }
  .calls { font-size: 7pt; } a { text-decoration: none; }
}
`
