// dockgate's own endpoints, beside those of the Docker API on the same listener. They are read, judged
// and recorded like any other, each by a permission of its own, and never go to the engine.
import { endpoints, type Row } from './catalog-row.ts'
import type { Endpoint } from './operation.ts'

const consolePath = '/_dockgate/console/'
const filters = { who: 'text', what: 'text', denied: 'text', own: 'text', span: 'text' } as const

function pages(
  rows: readonly (readonly [id: string, path: string, verb: string])[],
): readonly Row[] {
  return rows.map(([id, path, verb]) => ({
    id,
    method: 'GET',
    path,
    permission: `dockgate.${verb}`,
    ...(verb === 'decisions' && { query: filters }),
  }))
}

export const ownEndpoints: readonly Endpoint[] = Object.freeze(
  endpoints([
    {
      id: 'DockgateWhoami',
      method: 'GET',
      path: '/_dockgate/whoami',
      permission: 'dockgate.whoami',
    },
    {
      id: 'DockgateHealthz',
      method: 'GET',
      path: '/_dockgate/healthz',
      permission: 'dockgate.healthz',
    },
    {
      id: 'DockgateMetrics',
      method: 'GET',
      path: '/_dockgate/metrics',
      permission: 'dockgate.metrics',
    },
    {
      id: 'DockgateSessions',
      method: 'GET',
      path: '/_dockgate/sessions',
      permission: 'dockgate.sessions',
    },
    {
      id: 'DockgateSessionEnd',
      method: 'DELETE',
      path: '/_dockgate/sessions/{id}',
      permission: 'dockgate.end',
      query: { reason: 'text' },
    },
    // The console: pages for a browser, and the files that they need.
    ...pages([
      ['ConsoleYou', '/_dockgate/', 'whoami'],
      ['ConsoleStyle', `${consolePath}style.css`, 'whoami'],
      ['ConsoleScript', `${consolePath}script.js`, 'whoami'],
      ['ConsoleIcon', `${consolePath}icon.svg`, 'whoami'],
      ['ConsoleSessions', `${consolePath}sessions`, 'sessions'],
      ['ConsoleDecisions', `${consolePath}decisions`, 'decisions'],
      ['ConsoleDenials', `${consolePath}denials`, 'decisions'],
      ['ConsoleRoles', `${consolePath}roles`, 'roles'],
      ['ConsoleCertificates', `${consolePath}certificates`, 'certificates'],
      ['ConsoleHealth', `${consolePath}health`, 'status'],
    ]),
    {
      id: 'DockgateGrant',
      method: 'POST',
      path: '/_dockgate/grants',
      permission: 'dockgate.grant',
      body: 'json',
    },
    {
      id: 'DockgateGrants',
      method: 'GET',
      path: '/_dockgate/grants',
      permission: 'dockgate.grants',
    },
    {
      id: 'DockgateGrantEnd',
      method: 'DELETE',
      path: '/_dockgate/grants/{id}',
      permission: 'dockgate.ungrant',
      query: { reason: 'text' },
    },
  ]),
)

export function isOwn(endpoint: Endpoint): boolean {
  return ownEndpoints.includes(endpoint)
}
