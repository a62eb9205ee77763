// The one table of verbs. Each is loaded only when it is called for, so that the process that holds
// the engine's socket never has the CA's code in its memory.
import type { Verb } from './verb.ts'

export const verbs: ReadonlyMap<string, () => Promise<Verb>> = new Map([
  ['start', async () => (await import('./start.ts')).start],
  ['serve', async () => (await import('./serve.ts')).serve],
  ['ca', async () => (await import('./ca.ts')).ca],
  ['enroll', async () => (await import('./enroll.ts')).enroll],
  ['connect', async () => (await import('./connect.ts')).connect],
  ['renew', async () => (await import('./renew.ts')).renew],
  ['roles', async () => (await import('./roles.ts')).roles],
  ['check', async () => (await import('./check.ts')).check],
  ['health', async () => (await import('./health.ts')).health],
  ['audit', async () => (await import('./audit.ts')).audit],
  ['doctor', async () => (await import('./doctor.ts')).doctor],
  ['explain', async () => (await import('./explain.ts')).explain],
  ['learn', async () => (await import('./learn.ts')).learn],
  ['replay', async () => (await import('./replay.ts')).replay],
  ['status', async () => (await import('./status.ts')).status],
  ['sessions', async () => (await import('./sessions.ts')).sessions],
  ['end', async () => (await import('./end.ts')).end],
  ['grant', async () => (await import('./grant.ts')).grant],
  ['reload', async () => (await import('./reload.ts')).reload],
])
