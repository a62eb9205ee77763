// The floor of our runtime: the least that Node can do to carry HTTP from mutual TLS to a unix socket.
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'

const [, , port, socketPath, certs] = process.argv
const read = (name) => readFileSync(`${certs}/${name}`)
const agent = new http.Agent({ keepAlive: true })
const server = https.createServer({
  key: read('server/key.pem'),
  cert: read('server/cert.pem'),
  ca: read('ca.pem'),
  requestCert: true,
  rejectUnauthorized: true,
  allowHalfOpen: true,
})
server.on('request', (request, response) => {
  const { method, url: path, headers } = request
  const upstream = http.request({ agent, socketPath, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers)
    response.flushHeaders()
    answer.pipe(response)
  })
  request.pipe(upstream)
})
server.on('upgrade', (request, socket, head) => {
  const upstream = net.connect({ path: socketPath, allowHalfOpen: true })
  const lines = request.rawHeaders.map((text, index) => (index % 2 ? `${text}\r\n` : `${text}: `))
  upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join('')}\r\n`)
  upstream.write(head)
  upstream.pipe(socket).pipe(upstream)
})
server.listen(Number(port), '127.0.0.1')
