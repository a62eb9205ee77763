// A line of the audit as a message of syslog (RFC 5424). Its text is the line as it stands in the file,
// which has no control characters; all that goes before it is ours. Pure.
import { hostname } from 'node:os'

/** 13: log audit. */
const facility = 13
const severities = { warning: 4, info: 6 }

/** What stands first in each line, as `formatLine` writes it. */
const start = /^\{"seq":\d+,"prev":"[0-9a-f]{64}","time":"([0-9TZ:.+-]+)","event":"([a-z]+)"/
/** No text that a client chose has a bare quote in it. */
const turnedAway = /,"decision":"(?:deny|refuse)"/
const alarming = ['recovered', 'resumed']

/** `pid`: of the process whose chain it is of. */
export function syslogMessage(line: string, pid: number): Buffer {
  const [, time = '-', event = '-'] = start.exec(line) ?? []
  const isWarning = alarming.includes(event) || (event === 'decided' && turnedAway.test(line))
  const priority = facility * 8 + (isWarning ? severities.warning : severities.info)
  return Buffer.from(`<${priority}>1 ${time} ${host} dockgate ${pid} ${event} - ${line}`)
}

/** With its length before it (octet counting, RFC 6587 3.4.1), for what is a stream. */
export function framed(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `), message])
}

/** HOSTNAME: printable ASCII, at most 255 characters. */
const host =
  hostname()
    .replace(/[^\x21-\x7e]/g, '')
    .slice(0, 255) || '-'
