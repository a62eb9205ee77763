// Requests through a gateway's door, each on a connection of its own, and streams that are only counted.
import http from 'node:http'
import https from 'node:https'
import { once } from 'node:events'

/** `door` is `{ port, tls }` of a gateway, or `{ socketPath }` of an engine. */
function request(door, method, path, body) {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const headers =
    text === undefined
      ? {}
      : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }
  const how = { method, path, headers, agent: false }
  const asked =
    door.tls === undefined
      ? http.request({ ...how, socketPath: door.socketPath })
      : https.request({
          ...how,
          ...door.tls,
          host: '127.0.0.1',
          port: door.port,
          servername: 'localhost',
        })
  asked.end(text)
  return asked
}

export async function ask(door, method, path, body) {
  const [answer] = await once(request(door, method, path, body), 'response')
  let text = ''
  for await (const part of answer.setEncoding('utf8')) text += part
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`)
  return text
}

/** Resolves when the engine has begun to answer. */
export async function openStream(door, path) {
  const asked = request(door, 'GET', path)
  const [answer] = await once(asked, 'response')
  let bytes = 0
  let isOpen = true
  answer.on('data', (part) => (bytes += part.length))
  for (const event of ['end', 'error', 'close']) answer.on(event, () => (isOpen = false))
  asked.on('error', () => (isOpen = false))
  return { bytes: () => bytes, isOpen: () => isOpen, close: () => asked.destroy() }
}
