// Which text may stand in a name. A name is shown in logs and terminals, kept as a label and compared
// code unit by code unit, so it must look like what it is and have one spelling. Pure.
import { refuse } from './der.ts'

// Controls, line and paragraph separators, bidirectional marks, zero-width and other characters that
// are not seen, spaces that only look like one, private and never-to-be characters.
const unseen =
  /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u{fffd}]|(?! )\p{Zs}/u

/** Returns `text` if a person who reads it can tell it from every other; else refuses it. */
export function printable(text: string, maxLength: number, what: string): string {
  if (text === '') refuse(`${what} is empty`)
  if (text.length > maxLength) refuse(`${what} is longer than ${maxLength} characters`)
  if (unseen.test(text)) refuse(`${what} holds characters that cannot be seen`)
  if (text !== text.trim()) refuse(`${what} begins or ends with a space`)
  // é is one code point or two: unequal strings that look the same would be two principals.
  if (text !== text.normalize('NFC')) refuse(`${what} is not in Unicode's composed form`)
  return text
}
