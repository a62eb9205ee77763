// The roles.yaml that the first start writes: it gives its administrator everything, nobody else
// anything, and teaches the rest by example.

export function firstRoles(admin: string): string {
  return `# Who may do what. Default deny: what no role allows is refused. After a change: dockgate check
#
# Built in: viewer, operator, developer, builder, deployer, monitor, admin (dockgate roles list).
# A role of your own:
#
#   roles:
#     restarter:
#       includes: [viewer]
#       allow: [container.restart]
#       deny: [container.logs]     # a deny in any role of theirs wins over every allow
#       on: all                    # own (the default), team, all, or {label: {tier: dev}}
#
# A grant gives roles to certificates; all that "to" names must match, exactly:
#
#   - to: {unit: dev, org: Example}
#     roles: [developer]
#     from: [192.0.2.0/24]
#     until: 2027-01-31T18:00:00Z

roles: {}

grants:
  - to: {name: ${admin}}
    roles: [admin]
`
}
