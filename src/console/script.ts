// The one script of the console: it ends sessions. It comes as a file of its own, so that no page needs
// a script within it.

export const script = `'use strict'
const dialog = document.getElementById('ending')
const said = document.getElementById('said')
let chosen

for (const button of document.querySelectorAll('button[data-end]')) {
  button.addEventListener('click', () => {
    chosen = button
    document.getElementById('ending-what').textContent = button.dataset.what
    document.getElementById('reason').value = ''
    dialog.returnValue = ''
    dialog.showModal()
    document.getElementById('reason').focus()
  })
}

dialog?.addEventListener('close', async () => {
  const button = chosen
  if (dialog.returnValue !== 'end') {
    button.focus()
    return
  }
  button.disabled = true
  const reason = document.getElementById('reason').value.trim()
  const query = reason === '' ? '' : '?reason=' + encodeURIComponent(reason)
  try {
    const answer = await fetch('/_dockgate/sessions/' + encodeURIComponent(button.dataset.end) + query, {
      method: 'DELETE',
      headers: { 'X-Dockgate-Console': '1' },
    })
    if (!answer.ok && answer.status !== 404) {
      const { message } = await answer.json()
      throw new Error(message)
    }
    said.textContent = answer.ok
      ? button.dataset.what + ' was ended.'
      : button.dataset.what + ' had ended already.'
    button.closest('tr').remove()
    document.getElementById('main').focus()
  } catch (error) {
    said.textContent = 'It was not ended: ' + error.message
    button.disabled = false
    button.focus()
  }
})
`
