// Stands in the bundle for what our packages load at their start and dockgate never uses: undici, as
// reply-from is given an upstream of ours; WebSockets; HTTP/2; Fastify's compilers of schemas and its
// injection for tests; exemplars of metrics. Who calls any of it after all is told so, at once.
'use strict'

function absent() {
  throw new Error('INVARIANT: a part of a package that the bundle leaves out was used')
}

// What is held against a value by `instanceof`, or taken apart at load.
module.exports = Object.assign(absent, {
  Pool: absent,
  Client: absent,
  Dispatcher: absent,
  BalancedPool: absent,
  constants: {},
})
