// The script of the page of who may do what: a filter. Without it the page shows everything.
export const script = `
'use strict'
const form = document.querySelector('.filter')
const [words, role, used] = ['filter', 'role', 'used'].map((id) => document.getElementById(id))
const table = document.querySelector('.operations')
const rows = [...table.querySelectorAll('tbody tr:not(.group)')]
const found = document.getElementById('found')
function show() {
  const wanted = words.value.toLowerCase().split(/\\s+/).filter((word) => word !== '')
  const column = role.value === '' ? undefined : Number(role.value) + 1
  let count = 0
  for (const row of rows) {
    const fits = wanted.every((word) => row.dataset.words.includes(word))
    const cells = column === undefined ? [...row.cells].slice(1) : [row.cells[column]]
    const may = cells.some((cell) => cell.querySelector('.own, .team, .label, .all') !== null)
    row.hidden = !fits || (used.checked && !may)
    if (!row.hidden) count += 1
  }
  for (const body of table.tBodies) {
    body.hidden = [...body.rows].slice(1).every((row) => row.hidden)
  }
  for (const row of table.rows) {
    if (row.classList.contains('group')) continue
    for (const [index, cell] of [...row.cells].entries()) {
      cell.hidden = index > 0 && column !== undefined && index !== column
    }
  }
  found.value = count === rows.length ? rows.length + ' operations' : count + ' of ' + rows.length + ' operations'
}
for (const control of [words, role, used]) control.addEventListener('input', show)
form.addEventListener('submit', (event) => event.preventDefault())
form.hidden = false
show()
`
