// The one table of verbs. Each is loaded only when it is called for, so that the process that holds
// the engine's socket never has the CA's code in its memory, and the list of them loads none.
import type { Verb } from './verb.ts'

/** Its name, one line in lower case for the list that `dockgate --help` prints, and itself. */
type Row = readonly [name: string, summary: string, load: () => Promise<Verb>]

const rows: readonly Row[] = [
  [
    'start',
    'a first run: makes what is missing, then serves',
    async () => (await import('./start.ts')).start,
  ],
  ['serve', 'the gateway itself', async () => (await import('./serve.ts')).serve],
  [
    'ca',
    'the authority: makes, renews and revokes certificates',
    async () => (await import('./ca.ts')).ca,
  ],
  [
    'enroll',
    "get this machine's certificate from the signing endpoint, for a token",
    async () => (await import('./enroll.ts')).enroll,
  ],
  [
    'connect',
    "on a client's machine: a unix socket that is this client at the gateway",
    async () => (await import('./connect.ts')).connect,
  ],
  [
    'renew',
    "renew this machine's certificate at the signing endpoint",
    async () => (await import('./renew.ts')).renew,
  ],
  [
    'roles',
    'who may do what: list, grant, revoke, presets, import, test, matrix',
    async () => (await import('./roles.ts')).roles,
  ],
  [
    'check',
    'reads every file that serve would, and tells every fault at once',
    async () => (await import('./check.ts')).check,
  ],
  [
    'health',
    'whether the gateway on this machine answers',
    async () => (await import('./health.ts')).health,
  ],
  [
    'audit',
    'proves and reads what the gateway recorded',
    async () => (await import('./audit.ts')).audit,
  ],
  [
    'doctor',
    'what is unsafe here: the engine, its containers, this machine, keys and roles',
    async () => (await import('./doctor.ts')).doctor,
  ],
  [
    'explain',
    'what the policy says to a request, and why',
    async () => (await import('./explain.ts')).explain,
  ],
  [
    'learn',
    'proposes a role from what a certificate was seen to do',
    async () => (await import('./learn.ts')).learn,
  ],
  [
    'replay',
    'what another roles.yaml would have decided otherwise',
    async () => (await import('./replay.ts')).replay,
  ],
  ['status', 'how the running gateway is', async () => (await import('./status.ts')).status],
  [
    'sessions',
    'what is under way in the running gateway',
    async () => (await import('./sessions.ts')).sessions,
  ],
  [
    'end',
    'end a session, all sessions of somebody, or a temporary right',
    async () => (await import('./end.ts')).end,
  ],
  [
    'grant',
    "on an operator's machine: gives somebody a role for a while",
    async () => (await import('./grant.ts')).grant,
  ],
  [
    'reload',
    'have the running gateway read its files again',
    async () => (await import('./reload.ts')).reload,
  ],
]

export const verbs = new Map(rows.map(([name, summary, load]) => [name, { summary, load }]))
