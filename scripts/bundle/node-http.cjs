// Stands in the bundle for `import` of node:http. Node makes a module's names for an import by reading
// each of them, and node:http has names for which it loads the whole of its own fetch: a tenth of a start.
'use strict'

module.exports = process.getBuiltinModule('node:http')
