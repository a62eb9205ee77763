// All checks in the order of the benchmark, and what came of them: what was found, what is well, and what
// could not be seen. Pure.
import { severities, type Check, type Item, type Severity } from './check.ts'
import { containerChecks } from './checks/containers.ts'
import { daemonChecks } from './checks/daemon.ts'
import { gateChecks } from './checks/gate.ts'
import { hostChecks } from './checks/host.ts'
import { imageChecks } from './checks/images.ts'
import { roleChecks } from './checks/roles.ts'
import { swarmChecks } from './checks/swarm.ts'
import { upkeepChecks } from './checks/upkeep.ts'
import type { Facts } from './facts.ts'

const checks: readonly Check[] = [
  ...gateChecks,
  ...roleChecks,
  ...hostChecks.filter(({ id }) => id.startsWith('1.')),
  ...daemonChecks,
  ...hostChecks.filter(({ id }) => id.startsWith('3.')),
  ...imageChecks,
  ...containerChecks,
  ...upkeepChecks,
  ...swarmChecks,
]

export const checkIds: ReadonlySet<string> = new Set(checks.map(({ id }) => id))

export interface Finding extends Named {
  readonly severity: Severity
  readonly seen: readonly Item[]
  readonly mend: string
}

interface Named {
  readonly id: string
  /** Number in the CIS Docker Benchmark 1.6; null for what is dockgate's own. */
  readonly cis: string | null
  readonly title: string
}

export interface Report {
  /** The most severe first. */
  readonly findings: readonly Finding[]
  /** What the operator lives with, as they said. */
  readonly accepted: readonly Finding[]
  readonly fine: readonly (Named & { readonly seen: string })[]
  readonly notSeen: readonly (Named & { readonly why: string })[]
}

export interface Accepted {
  readonly id: string
  /** Only on this; undefined: all. */
  readonly on: string | undefined
}

export function examine(facts: Facts, accepted: readonly Accepted[] = []): Report {
  const report = { findings: [], accepted: [], fine: [], notSeen: [] } as {
    findings: Finding[]
    accepted: Finding[]
    fine: Report['fine'][number][]
    notSeen: Report['notSeen'][number][]
  }
  for (const { id, cis = null, title, severity, mend, look } of checks) {
    const verdict = look(facts)
    if (verdict.kind === 'fine') report.fine.push({ id, cis, title, seen: verdict.seen })
    else if (verdict.kind === 'unseen') report.notSeen.push({ id, cis, title, why: verdict.why })
    else {
      const isAccepted = ({ on }: Item): boolean =>
        accepted.some((one) => one.id === id && (one.on === undefined || one.on === on))
      const finding = { id, cis, title, severity: verdict.severity ?? severity, mend }
      const [lived, open] = [
        verdict.items.filter(isAccepted),
        verdict.items.filter((item) => !isAccepted(item)),
      ]
      if (open.length > 0) report.findings.push({ ...finding, seen: open })
      if (lived.length > 0) report.accepted.push({ ...finding, seen: lived })
    }
  }
  return { ...report, findings: report.findings.toSorted((one, other) => rank(other) - rank(one)) }
}

function rank({ severity }: Pick<Finding, 'severity'>): number {
  return severities.indexOf(severity)
}

/** Whether something was found that is at least as severe. */
export function failsAt({ findings }: Report, severity: Severity): boolean {
  return findings.some((finding) => rank(finding) >= rank({ severity }))
}
