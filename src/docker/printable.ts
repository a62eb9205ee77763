// Untrusted text on its way into a message: quoted, cut short, and with nothing in it that a terminal
// or a log reader could take for anything but text.

const longest = 80

export function printable(text: string): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text
  return `"${cut.replace(/[^\x20-\x7e…]|["\\]/g, escape)}"`
}

function escape(char: string): string {
  if (char === '"' || char === '\\') return `\\${char}`
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}
