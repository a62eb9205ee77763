// What is wrong with a file of the operator's, where, and the way out. All faults are told at once.

export interface Fault {
  /** `roles.yaml:12:5`, or the file alone. */
  readonly where: string
  /** `roles.builder.allow[2]: unknown permission "image.biuld"` */
  readonly message: string
  readonly hint?: string
}

export function formatFault({ where, message, hint }: Fault): string {
  return `${where}: ${message}${hint === undefined ? '' : `\n  hint: ${hint}`}`
}
