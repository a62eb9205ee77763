// dockgate's own house: keys and who may read them, certificates and how long they are good, settings
// that are laxer than they might be, doors beside it. Pure.
import { fine, found, foundAny, unseen, type Check, type Item } from '../check.ts'
import type { Facts } from '../facts.ts'
import type { GateFile } from '../gate-facts.ts'
import { exposesEngine, hostMounts } from './mounts-and-ports.ts'
import { octal } from './host.ts'
import { ofEngine } from './of-engine.ts'
import { isWithin } from '../root-roles.ts'

const names = {
  ca: "the authority's certificate (ca.pem)",
  crl: 'the revocation list (crl.pem)',
  server: "the gateway's certificate (server/cert.pem)",
} as const

export const gateChecks: readonly Check[] = [
  row('gate.files', 'high', undefined, 'files of dockgate cannot be used', {
    mend: '`dockgate check` tells every fault with its place',
    look: ({ gate }) =>
      foundAny(
        gate.faults.map(({ where, message }) => ({ on: where, seen: message })),
        'all can be used',
      ),
  }),
  row('gate.keys', 'high', '3.14', 'others may read keys of dockgate', {
    mend: 'chmod 600, as the user of the gateway',
    look: ({ gate }) =>
      fileItems(gate.files, 'secret', ({ mode }) =>
        (mode & 0o077) === 0 ? undefined : `its mode is ${octal(mode)}`,
      ),
  }),
  row('gate.writable', 'high', undefined, 'others may change what dockgate goes by', {
    mend: 'chmod go-w: whoever writes there gives themselves any right',
    look: ({ gate }) =>
      fileItems(gate.files, 'guarded', ({ mode }) => {
        if ((mode & 0o002) !== 0) return `everybody may write (${octal(mode)})`
        return (mode & 0o020) === 0 ? undefined : `its group may write (${octal(mode)})`
      }),
  }),
  row('gate.ca-key', 'medium', undefined, "the CA's key is on the gateway's machine", {
    mend: 'keep certs/ca.key on another machine: the gateway needs ca.pem, crl.pem and server/ alone; or seal it, `dockgate ca init --encrypt`',
    look({ gate }) {
      if (gate.caKey === 'none') return fine('it is not here')
      return gate.caKey === 'sealed'
        ? fine('it is here, sealed by a passphrase')
        : found(
            'whoever takes it makes certificates for any name; it has no passphrase',
            'certs/ca.key',
          )
    },
  }),
  row('gate.client-keys', 'low', undefined, "keys of clients are on the gateway's machine", {
    mend: 'hand a bundle over and remove it here; `dockgate ca token` lets clients make their own keys',
    look({ gate }) {
      const keys = gate.files.filter(({ path }) => /\/clients\/[^/]+\/key\.pem$/.test(path))
      return foundAny(
        keys.map(({ path }) => ({ on: path, seen: 'is that client to whoever reads it' })),
        'there are none',
      )
    },
  }),
  row('gate.expired', 'high', undefined, 'a certificate or the revocation list has run out', {
    mend: '`dockgate ca server`, `dockgate ca crl`',
    look: ({ gate, now }) => {
      if (gate.periods.length === 0) return unseen('they cannot be read')
      const over = gate.periods.filter(({ until }) => until < now)
      return foundAny(
        over.map(({ of, until }) => ({ on: names[of], seen: `expired on ${day(until)}` })),
        'none',
      )
    },
  }),
  row('gate.expiring', 'medium', undefined, 'a certificate or the revocation list runs out soon', {
    mend: '`dockgate ca server`, `dockgate ca crl`; `dockgate ca crl --if-due` in a timer',
    look({ gate, now }) {
      if (gate.periods.length === 0) return unseen('they cannot be read')
      // What lives shorter than that is told of in the last quarter of its life.
      const soon = gate.periods.filter(
        ({ from, until }) =>
          until >= now && until - now <= Math.min(gate.settings.remindMs, (until - from) / 4),
      )
      return foundAny(
        soon.map(({ of, until }) => ({ on: names[of], seen: `is good until ${day(until)}` })),
        'none',
      )
    },
  }),
  row('gate.clients-expiring', 'info', undefined, 'certificates of clients run out soon', {
    mend: '`dockgate renew` at the client, or `dockgate ca renew NAME`',
    look({ gate, now }) {
      if (gate.issued === undefined) return unseen("the CA's list is not on this machine")
      const soon = gate.issued.filter(
        ({ kind, revoked, notBefore, notAfter }) =>
          kind === 'client' &&
          !revoked &&
          notAfter > now &&
          notAfter - now <= Math.min(gate.settings.remindMs, (notAfter - notBefore) / 4),
      )
      return foundAny(
        soon.map(({ name, serial, notAfter }) => ({
          on: name,
          seen: `${serial} is good until ${day(notAfter)}`,
        })),
        'none',
      )
    },
  }),
  row('gate.crl-warn', 'medium', undefined, 'an expired revocation list lets everybody in', {
    mend: '`crl: refuse` in dockgate.yaml, and `dockgate ca crl --if-due` in a timer',
    look: ({ gate }) => (gate.settings.crl === 'warn' ? found('crl: warn') : fine('crl: refuse')),
  }),
  row(
    'gate.audit-reads',
    'low',
    undefined,
    'while no record can be written, reads go on without one',
    {
      mend: '`onFailure: refuse` below `audit` in dockgate.yaml',
      look: ({ gate }) =>
        gate.settings.audit.onFailure === 'allow-reads'
          ? found('onFailure: allow-reads')
          : fine('onFailure: refuse'),
    },
  ),
  row('gate.other-door', 'medium', '2.7', 'the engine has a door of its own beside dockgate', {
    mend: 'take tcp:// out of "hosts" (or -H) in /etc/docker/daemon.json: who comes by it is not judged and not on record',
    look({ machine }) {
      const mutual = machine.doors.filter(({ is }) => is === 'mutual')
      const hosts =
        typeof machine.daemon === 'string' ? [] : (machine.daemon.options.get('host') ?? [])
      const items = [
        ...mutual.map(({ address }) => ({
          on: address,
          seen: 'asks for a certificate, and is not dockgate',
        })),
        ...hosts
          .filter(
            (host) =>
              host.startsWith('tcp://') && !mutual.some(({ address }) => host.endsWith(address)),
          )
          .map((host) => ({ on: host, seen: 'the engine was told to listen there' })),
      ]
      if (items.length > 0) return { kind: 'found', items }
      return typeof machine.daemon === 'string'
        ? unseen(`nothing answers on 2375 and 2376 here, but ${machine.daemon}`)
        : fine('it has none')
    },
  }),
  ofEngine('gate.mounted', 'high', "containers mount dockgate's keys or its control socket", {
    mend: 'mount certs/ca.pem, certs/crl.pem and certs/server alone, into dockgate alone',
    look(engine, facts) {
      const { certs, home, controlPath } = facts.gate.settings
      if (facts.machine.isContainer)
        return unseen('this is a container: its paths are not those of the host')
      const items = engine.containers.flatMap((container): Item[] => {
        const own = exposesEngine(container, engine, facts.machine.socket).length > 0
        return (
          hostMounts(container, engine)
            .filter(
              ({ source }) =>
                [certs, controlPath].some((path) => isWithin(path, source)) ||
                isWithin(source, certs),
            )
            // That is dockgate itself, as the README starts it.
            .filter(({ source }) => !(own && source === home))
            .map(({ source }) => ({ on: container.name, seen: `mounts ${source}` }))
        )
      })
      return foundAny(items, `none of ${engine.containers.length} containers`)
    },
  }),
]

function row(
  id: string,
  severity: Check['severity'],
  cis: string | undefined,
  title: string,
  rest: Pick<Check, 'mend' | 'look'>,
): Check {
  return { id, severity, cis, title, ...rest }
}

function fileItems(
  files: Facts['gate']['files'],
  is: GateFile['is'],
  against: (file: GateFile) => string | undefined,
): ReturnType<typeof foundAny> {
  const asked = files.filter((file) => file.is === is)
  if (asked.length === 0) return unseen('none of them is here')
  const items = asked.flatMap((file): Item[] => {
    const seen = against(file)
    return seen === undefined ? [] : [{ on: file.path, seen }]
  })
  return foundAny(items, `none of ${asked.length} files`)
}

export function day(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
