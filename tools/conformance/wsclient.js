// The official client, graphql-ws: what each close code makes it do, and how it comes back.

import { createClient } from 'graphql-ws'
import WebSocket from 'ws'

import { line, sibling } from './nodes.js'
import { Talk, people, watch } from './people.js'
import { Queue, Suite, assert, plain, within } from './rules.js'

export const wsClient = new Suite('graphql-transport-ws: the official client, graphql-ws')

const rule = (sentence, check) => wsClient.rule(sentence, check)

/** dial makes a client whose events go into queues. */
function dial(node, options) {
  const events = { connecting: new Queue(), connected: new Queue(), closed: new Queue(), ping: new Queue(), pong: new Queue() }
  const on = Object.fromEntries(Object.entries(events).map(([name, queue]) => [name, (...args) => queue.push(args)]))
  const client = createClient({
    url: node.socketURL,
    webSocketImpl: WebSocket,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 100)),
    ...options,
    on: { ...on, ...options?.on },
  })
  return Object.assign(client, { events, next: async (name, ms) => (await events[name].next(ms))[0] })
}

const bearer = ({ accessToken }) => ({ authorization: `Bearer ${accessToken}` })

/** all collects what a subscription delivers until it is complete. */
const all = (client, payload) =>
  new Promise((resolve, reject) => {
    const results = []
    client.subscribe(payload, { next: (r) => results.push(r), error: reject, complete: () => resolve(results) })
  })

rule('a query is one result, and complete', async (node) => {
  const results = await all(dial(node), { query: '{ __typename }' })
  assert.deepEqual(results.map(plain), [{ data: { __typename: 'Query' } }])
})

rule('a mutation is one result, and complete', async (node) => {
  const { grace } = await people(node)
  const query = 'mutation ($input: BlockInput!) { block(input: $input) { userErrors { code } } }'
  const client = dial(node, { connectionParams: bearer(grace) })
  const [{ data }] = await all(client, { query, variables: { input: { profileId: grace.id } } })
  assert.equal(data.block.userErrors[0].code, 'SELF')
})

rule('many operations share one socket', async (node) => {
  const client = dial(node, { lazyCloseTimeout: 1000 })
  const results = await Promise.all(Array.from({ length: 20 }, () => all(client, { query: '{ __typename }' })))
  assert.equal(results.flat().length, 20)
  await client.next('connected')
  await assert.rejects(client.next('connected', 300))
  await client.dispose()
})

rule('errors of a document reach the sink, and the socket goes on', async (node) => {
  const client = dial(node, { lazyCloseTimeout: 1000 })
  await assert.rejects(all(client, { query: '{ nothing }' }), (errors) => errors[0].extensions.code === 'GRAPHQL_VALIDATION_FAILED')
  assert.equal((await all(client, { query: '{ __typename }' })).length, 1)
  await client.dispose()
})

rule('lazy: the socket opens with the first operation and closes with 1000 after the last', async (node) => {
  const client = dial(node)
  await assert.rejects(client.next('connecting', 300))
  await all(client, { query: '{ __typename }' })
  assert.equal((await client.next('closed')).code, 1000)
})

rule('not lazy: the socket opens at once, and dispose closes it with 1000', async (node) => {
  const client = dial(node, { lazy: false })
  await client.next('connected')
  await client.dispose()
  assert.equal((await client.next('closed')).code, 1000)
})

rule('keepAlive: the server answers the client’s pings', async (node) => {
  const client = dial(node, { lazy: false, keepAlive: 200 })
  for (let i = 0; i < 3; i++) assert.equal((await client.events.pong.next())[0], true)
  await client.dispose()
})

rule('a client that answers no ping is closed with 1001, and comes back', async (node) => {
  const client = dial(node, { lazy: false, disablePong: true })
  await client.next('connected')
  assert.equal((await client.next('closed', 55_000)).code, 1001)
  await client.next('connected')
  await client.dispose()
})

// Codes after which the client gives up: something is wrong with its program.
const misbehaving = {
  4400: { jsonMessageReplacer: (key, value) => (key === 'type' && value === 'subscribe' ? 'nonsense' : value) },
  4401: { on: { opened: (socket) => socket.send('{"id":"x","type":"subscribe","payload":{"query":"{ __typename }"}}') } },
  4409: { generateID: () => 'always the same' },
  4429: { on: { connected: (socket) => socket.send('{"type":"connection_init"}') } },
}
for (const [code, options] of Object.entries(misbehaving)) {
  rule(`${code} is fatal: the client reports it and does not come back`, async (node) => {
    const { ada } = await people(node)
    const client = dial(node, { connectionParams: bearer(ada), ...options })
    const run = () => new Promise((_, error) => client.subscribe({ query: 'subscription { updates { __typename } }' }, { next() {}, error, complete() {} }))
    const ends = [run(), run()].map((ended) => assert.rejects(ended, (event) => event.code === Number(code)))
    await within(10_000, Promise.all(ends))
  })
}

rule('4406 is fatal: a server that speaks another subprotocol is not asked again', async (node) => {
  // The client always asks for the right one, so this is the WebSocket underneath it.
  class Other extends WebSocket {
    constructor(url) {
      super(url, [])
    }
  }
  const client = dial(node, { webSocketImpl: Other })
  await assert.rejects(all(client, { query: '{ __typename }' }), (event) => event.code === 4406)
})

rule('4403 is not: the client asks for credentials again, and comes back with better ones', async (node) => {
  const { ada } = await people(node)
  let tries = 0
  const client = dial(node, { connectionParams: () => (tries++ === 0 ? { authorization: 'Bearer stale' } : bearer(ada)) })
  const [{ data }] = await all(client, { query: '{ viewer { account { username } } }' })
  assert.equal(data.viewer.account.username, 'ada')
  assert.equal((await client.next('closed')).code, 4403)
})

rule('4408 is not: the client comes back, and may be quicker then', async (node) => {
  let tries = 0
  const client = dial(node, { connectionParams: () => (tries++ === 0 ? new Promise(() => {}) : {}) })
  assert.equal((await all(client, { query: '{ __typename }' })).length, 1)
  assert.equal((await client.next('closed')).code, 4408)
})

/** follow watches a talk through a line, with the cursor kept in the payload as docs/clients.md has it. */
async function follow(talk, through, options) {
  const client = dial(through, { retryAttempts: Infinity, shouldRetry: () => true, connectionParams: bearer(talk.grace), ...options })
  const payload = { query: watch, variables: { id: talk.id, after: talk.cursor } }
  client.subscribe(payload, {
    next({ data }) {
      payload.variables.after = data.conversationUpdates.cursor
      talk.see(data.conversationUpdates)
    },
    error(problem) {
      throw problem
    },
    complete() {},
  })
  await client.next('connected')
  return client
}

rule('by default the client gives up when nobody answers its call: shouldRetry has it go on', async (node) => {
  const through = await line(node)
  through.cut()
  await assert.rejects(all(dial(through, { retryAttempts: Infinity }), { query: '{ __typename }' }))
  const patient = all(dial(through, { retryAttempts: Infinity, shouldRetry: () => true }), { query: '{ __typename }' })
  through.restore()
  assert.equal((await patient).length, 1)
  through.close()
})

rule('resuming: a line that is cut five times loses nothing and doubles nothing', async (node) => {
  const [talk, through] = [await Talk.begin(node), await line(node)]
  const client = await follow(talk, through)
  for (let i = 0; i < 5; i++) {
    await talk.say(3)
    through.cut()
    await talk.say(3)
    through.restore()
    await client.next('connected')
  }
  await talk.heard()
  await client.dispose()
  through.close()
})

rule('resuming: a node that is killed, on another node', async (node) => {
  const [talk, other] = [await Talk.begin(node), await sibling(node)]
  const through = await line(other)
  const client = await follow(talk, through)
  await talk.say(3)
  await other.stop('SIGKILL')
  await talk.say(3)
  through.node = node
  await client.next('connected')
  await talk.heard()
  await client.dispose()
  through.close()
})

rule('resuming: a node that is stopped closes with 1012, and the client goes on at another one', async (node) => {
  const [talk, other] = [await Talk.begin(node), await sibling(node)]
  const through = await line(other)
  const client = await follow(talk, through)
  await talk.say(3, other)
  const stopped = other.stop('SIGTERM')
  assert.equal((await client.next('closed')).code, 1012)
  through.node = node
  await talk.say(3)
  await client.next('connected')
  await talk.heard()
  await Promise.all([client.dispose(), stopped])
  through.close()
})
