// Reading a verb's arguments strictly, and the words for using it wrongly.
import { parseArgs, type ParseArgsConfig } from 'node:util'

/** The verb was used wrongly: exit code 2. */
export class UsageError extends Error {
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.name = 'UsageError'
    this.hint = hint
  }
}

type Options = NonNullable<ParseArgsConfig['options']>

/** As `parseArgs`, strict, with positionals; `--help` is always known. */
export function readArguments<T extends Options>(
  args: string[],
  options: T,
  positionals: { readonly min: number; readonly max: number; readonly usage: string },
) {
  try {
    const read = parseArgs({
      args,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    })
    const asksHelp = (read.values as { help?: boolean }).help === true
    const count = read.positionals.length
    if (!asksHelp && (count < positionals.min || count > positionals.max)) {
      throw new UsageError(`usage: ${positionals.usage}`)
    }
    return read
  } catch (error) {
    if (error instanceof UsageError) throw error
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split('. ')
    throw new UsageError(first.toLowerCase(), `usage: ${positionals.usage}`)
  }
}

/** A whole number above zero, or a usage error that names the option. */
export function readCount(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text)
  throw new UsageError(`--${option} takes a whole number above zero, not ${JSON.stringify(text)}`)
}
