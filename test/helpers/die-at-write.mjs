// Loaded before a program (`node --import`): kills it, as kill -9 does, just before its n-th change of a
// file, n being DIE_AT_WRITE. A program that makes fewer changes ends as ever.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

let left = Number(process.env.DIE_AT_WRITE)
for (const name of ['mkdirSync', 'openSync', 'renameSync', 'rmSync', 'writeSync']) {
  const change = fs[name]
  fs[name] = (...args) => {
    const reads = name === 'openSync' && !String(args[1] ?? 'r').includes('w')
    if (!reads && --left === 0) process.kill(process.pid, 'SIGKILL')
    return change(...args)
  }
}
syncBuiltinESMExports()
