// What a page of somebody else's makes a browser ask. A browser that holds a client's certificate shows it
// whoever made it ask: without this, any page could stop containers, or attach to one by WebSocket.
import type { IncomingHttpHeaders } from 'node:http'
import { isOwn } from '../docker/catalog-own.ts'
import type { Endpoint } from '../docker/operation.ts'

/** A form or an image of another site cannot set it, and a script there may not. */
const ourScript = 'x-dockgate-console'

/** A sentence where the request is not from here; the docker CLI and its like send none of these headers. */
export function whyForeign(headers: IncomingHttpHeaders, endpoint: Endpoint): string | undefined {
  const site = headers['sec-fetch-site']
  const { origin } = headers
  if (site === undefined && origin === undefined) return undefined
  if (site !== undefined) {
    // Fetch Metadata, W3C: `none` is what somebody typed. A link to a page that only shows is a link.
    const follows =
      headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
    const isLink = follows && isOwn(endpoint) && !endpoint.changes
    if (site !== 'same-origin' && site !== 'none' && !isLink) {
      return 'a page of another site made the browser send it'
    }
  } else if ((endpoint.changes || endpoint.hijacks) && hostOf(origin) !== headers.host) {
    // Browsers of before 2023 say no more than this, and so does a WebSocket of some.
    return 'its Origin is another site'
  }
  return isOwn(endpoint) && endpoint.changes && headers[ourScript] === undefined
    ? 'the browser sent it without the script of the console'
    : undefined
}

function hostOf(origin: string | undefined): string | undefined {
  return /^https?:\/\/([^/]+)$/.exec(origin ?? '')?.[1]
}
