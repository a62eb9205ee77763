// The one table of verbs. Each is loaded only when it is called for, so that the process that holds
// the engine's socket never has the CA's code in its memory.
import type { Verb } from './verb.ts'

export const verbs: ReadonlyMap<string, () => Promise<Verb>> = new Map()
