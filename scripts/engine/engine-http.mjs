// One request to an engine's unix socket, for bringing it up: the answer's status and text.
import { request } from 'node:http'

export function askEngine(socketPath, method, path, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, timeout: 60_000, agent: false }, (answer) => {
      const parts = []
      answer.on('data', (part) => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () => {
        resolve({ status: answer.statusCode, text: Buffer.concat(parts).toString() })
      })
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer within a minute')))
    sent.on('error', reject)
    if (body === undefined) sent.end()
    else body.pipe(sent)
  })
}
