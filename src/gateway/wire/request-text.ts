// A request to the engine as text: its line, `Host`, the headers that go on, and the framing of its body.
import type { EngineRequest } from '../engine.ts'

// RFC 9110 §5.5; what would end a line early would begin another header or another request.
const value = /^[\t\x20-\x7e\x80-\xff]*$/
const name = /^[!#$%&'*+\-.^`|~\w]+$/
const target = /^\/[\x21-\x7e]*$/

export function requestText({ method, path, headers, body }: EngineRequest): string {
  if (!target.test(path)) throw new Error('INVARIANT: a canonical target holds no space')
  let text = `${method} ${path} HTTP/1.1\r\nHost: docker\r\n`
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const key = headers[index] ?? ''
    const said = headers[index + 1] ?? ''
    if (!name.test(key) || !value.test(said)) throw new Error(`the header ${key} cannot be sent`)
    text += `${key}: ${said}\r\n`
  }
  if (body === undefined) {
    return method === 'GET' || method === 'HEAD'
      ? `${text}\r\n`
      : `${text}Content-Length: 0\r\n\r\n`
  }
  if (typeof body === 'string' || body instanceof Uint8Array) {
    return `${text}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`
  }
  return body.length === undefined
    ? `${text}Transfer-Encoding: chunked\r\n\r\n`
    : `${text}Content-Length: ${body.length}\r\n\r\n`
}
