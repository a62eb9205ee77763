// `dockgate start`, which `npm start` calls: makes what is missing for a first run, then serves.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { firstRoles } from '../config/first-roles.ts'
import { loadSettings } from '../config/load.ts'
import { readArguments } from './arguments.ts'
import { runGateway } from './serve.ts'
import type { Io, Verb } from './verb.ts'
import { program } from '../program.ts'
import { writeWhole } from '../write-whole.ts'

const help = `usage: dockgate start

Makes what a first run needs and is missing (the CA, the gateway's certificate, an administrator in
certs/clients/admin/, roles.yaml), then serves like "dockgate serve", and prints the lines to paste.
What is there already is left as it is.
`

export const start: Verb = {
  help,
  async run(args, io) {
    const usage = { min: 0, max: 0, usage: 'dockgate start' }
    if (readArguments(args, {}, usage).values.help === true) {
      io.stdout.write(help)
      return 0
    }
    const { certs, rolesPath, listen } = loadSettings(io.env, io.cwd)
    const port = listen.port === 0 ? 2376 : listen.port
    if (!existsSync(join(certs, 'ca.pem'))) runCa(io, ['init'])
    if (!existsSync(join(certs, 'server')))
      runCa(io, ['server', '--host', `tcp://localhost:${port}`])
    if (!existsSync(join(certs, 'clients'))) runCa(io, ['issue', 'admin'])
    if (!existsSync(rolesPath)) writeWhole(rolesPath, firstRoles('admin'))
    return runGateway(io, (listening) => {
      const bundle = join(certs, 'clients', 'admin')
      if (!existsSync(bundle)) return
      io.stdout.write(
        [
          '',
          'From this machine, as its administrator:',
          `  export DOCKER_HOST=tcp://localhost:${listening} DOCKER_TLS_VERIFY=1`,
          `  export DOCKER_CERT_PATH=${bundle}`,
          '  docker ps',
          '',
        ].join('\n'),
      )
    })
  },
}

/** In a process of its own: the one that holds the engine's socket never loads the CA's code. */
function runCa(io: Io, args: readonly string[]): void {
  const { status } = spawnSync(process.execPath, [program, 'ca', ...args], {
    cwd: io.cwd,
    env: io.env,
    stdio: ['inherit', 'inherit', 'inherit'],
  })
  if (status !== 0) throw new Error(`"dockgate ca ${args.join(' ')}" failed`)
}
