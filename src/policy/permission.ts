// Patterns of permissions as roles.yaml writes them: `*`, `resource.*` or `resource.verb`. Pure.

/** Every pattern that means something, for checking and for completion in an editor. */
export function patternsOf(permissions: ReadonlySet<string>): readonly string[] {
  const resources = new Set([...permissions].map(resourceOf))
  return ['*', ...[...resources].map((resource) => `${resource}.*`), ...permissions].toSorted()
}

/** The permissions that any of the patterns stands for; a pattern that is unknown stands for none. */
export function expand(
  patterns: Iterable<string>,
  permissions: ReadonlySet<string>,
): ReadonlySet<string> {
  const found = new Set<string>()
  for (const pattern of patterns) {
    if (permissions.has(pattern)) found.add(pattern)
    else if (pattern === '*') for (const permission of permissions) found.add(permission)
    else if (pattern.endsWith('.*')) {
      const resource = pattern.slice(0, -2)
      for (const permission of permissions) {
        if (resourceOf(permission) === resource) found.add(permission)
      }
    }
  }
  return found
}

export function resourceOf(permission: string): string {
  return permission.slice(0, permission.indexOf('.'))
}
