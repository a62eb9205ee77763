// dockgate's own endpoints, beside those of the Docker API on the same listener. They are read, judged
// and recorded like any other, each by a permission of its own, and never go to the engine.
import { endpoints } from './catalog-row.ts'
import type { Endpoint } from './operation.ts'

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
  ]),
)

export function isOwn(endpoint: Endpoint): boolean {
  return ownEndpoints.includes(endpoint)
}
