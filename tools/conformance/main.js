// Runs every suite against Convene as it is run in development and in production, and prints how each rule went.

import { audits } from './audits.js'
import { examples } from './examples.js'
import { development, production } from './nodes.js'
import { sse } from './sse.js'
import { wsClient } from './wsclient.js'
import { wsProtocol } from './wsprotocol.js'

const suites = [audits, wsProtocol, wsClient, sse, examples]

const nodes = []
let failed = 0
try {
  for (const start of [development, production]) {
    const node = await start()
    nodes.push(node)
    console.log(`${node.name}: ${node.url}`)
  }
  for (const suite of suites) await Promise.all(nodes.map((node) => suite.run(node)))
  for (const suite of suites) failed += suite.print()
} finally {
  await Promise.all(nodes.map((node) => node.stop()))
}
process.exit(failed ? 1 : 0)
