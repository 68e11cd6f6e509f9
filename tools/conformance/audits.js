// GraphQL over HTTP: the audits of the graphql-http project.

import { serverAudits } from 'graphql-http'

import { Suite } from './rules.js'

// Audits that do not have to be ok, each with the node and the reason.
const introspects = 'it asks by introspection, which production refuses; wsclient.js and sse.js send variables there'
const excused = {
  production: { '2EA1': introspects, '28B9': introspects, D6D5: introspects, '6A70': introspects },
}

export const audits = new Suite('GraphQL over HTTP: the audits of graphql-http')

audits.run = async function (node) {
  for (const audit of serverAudits({ url: node.url })) {
    const { id, name, status, reason } = await audit.fn()
    const result = { node: node.name, sentence: `${id} ${name}`, status: 'ok' }
    const why = excused[node.name]?.[id]
    if (status !== 'ok') Object.assign(result, why ? { status: 'excused', why } : { status: 'FAILED', why: reason })
    this.results.push(result)
  }
}
