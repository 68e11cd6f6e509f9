// GraphQL over server-sent events in distinct connections mode, with the official client, graphql-sse, and without it:
// https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md

import { createClient } from 'graphql-sse'

import { line } from './nodes.js'
import { Talk, people, watch } from './people.js'
import { Queue, Suite, assert, plain, within } from './rules.js'

export const sse = new Suite('Server-sent events: the official client, graphql-sse, and plain HTTP')

const rule = (sentence, check) => sse.rule(sentence, check)
const bearer = ({ accessToken }) => ({ authorization: `Bearer ${accessToken}` })

const all = (client, payload) =>
  new Promise((resolve, reject) => {
    const results = []
    client.subscribe(payload, { next: (r) => results.push(r), error: reject, complete: () => resolve(results) })
  })

const post = (node, body, headers) =>
  fetch(node.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

rule('client: a query is one next, and complete', async (node) => {
  const results = await all(createClient({ url: node.url }), { query: '{ __typename }' })
  assert.deepEqual(results.map(plain), [{ data: { __typename: 'Query' } }])
})

rule('client: a mutation is one next, and complete', async (node) => {
  const query = 'mutation { signIn(input: {login: "nobody", password: "nothing at all"}) { userErrors { code } } }'
  const [{ data }] = await all(createClient({ url: node.url }), { query })
  assert.equal(data.signIn.userErrors[0].code, 'WRONG_CREDENTIALS')
})

for (const [what, query] of [
  ['a document that can not be parsed', '{'],
  ['a document that is not valid', '{ nothing }'],
  ['a subscription that is refused', 'subscription { updates { __typename } }'],
]) {
  rule(`client: errors come as a next, and complete: ${what}`, async (node) => {
    const results = await all(createClient({ url: node.url, retryAttempts: 0 }), { query })
    assert.equal(results.length, 1)
    assert.ok(results[0].errors[0].extensions.code)
    assert.ok(!('data' in results[0]))
  })
}

rule('client: credentials that are no good are 401, before any event', async (node) => {
  const client = createClient({ url: node.url, headers: { authorization: 'Bearer stale' }, retryAttempts: 0 })
  await assert.rejects(all(client, { query: '{ __typename }' }), (error) => error.response.status === 401)
})

rule('client: leaving ends the subscription', async (node) => {
  const { ada } = await people(node)
  const client = createClient({ url: node.url, headers: bearer(ada) })
  const came = new Queue()
  const ended = new Promise((resolve, error) => {
    const leave = client.subscribe({ query: 'subscription { updates { __typename } }' }, { next: () => came.push(leave), error, complete: resolve })
  })
  ;(await came.next())()
  await within(5_000, ended)
})

for (const [how, headersOf, keep] of [
  ['by Last-Event-ID', (talk, last) => ({ ...bearer(talk.grace), ...(last && { 'last-event-id': last }) }), () => {}],
  ['by the variable of the cursor', (talk) => bearer(talk.grace), (payload, cursor) => (payload.variables.after = cursor)],
]) {
  rule(`client: a line that is cut five times loses nothing and doubles nothing, resuming ${how}`, async (node) => {
    const [talk, through, connected] = [await Talk.begin(node), await line(node), new Queue()]
    const payload = { query: watch, variables: { id: talk.id, after: talk.cursor } }
    let last
    const client = createClient({
      url: through.url,
      headers: () => headersOf(talk, last),
      retryAttempts: Infinity,
      retry: () => new Promise((resolve) => setTimeout(resolve, 100)),
    })
    client.subscribe(
      payload,
      {
        next({ data }) {
          last = data.conversationUpdates.cursor
          keep(payload, last)
          talk.see(data.conversationUpdates)
        },
        error(problem) {
          throw problem
        },
        complete() {},
      },
      { connected: (again) => connected.push({ again }) },
    )
    await connected.next()
    for (let i = 0; i < 5; i++) {
      await talk.say(3)
      through.cut()
      await talk.say(3)
      through.restore()
      await connected.next()
    }
    await talk.heard()
    client.dispose()
    through.close()
  })
}

// What the client does not show.

rule('an event is named next, its id is the cursor in its data, and complete has empty data', async (node) => {
  const talk = await Talk.begin(node)
  await talk.say(1)
  const response = await post(node, { query: watch, variables: { id: talk.id, after: talk.cursor } }, bearer(talk.grace))
  const [event] = await read(response, (events) => events.length >= 1)
  assert.equal(event.event, 'next')
  assert.equal(event.id, JSON.parse(event.data).data.conversationUpdates.cursor)
  const events = await read(await post(node, { query: '{ __typename }' }), () => false)
  assert.deepEqual(events.map((e) => e.event), ['next', 'complete'])
  assert.ok(!events[1].data)
})

rule('a stream is 200, text/event-stream, stored by nobody and buffered by no proxy', async (node) => {
  const response = await post(node, { query: '{ __typename }' })
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type'), /^text\/event-stream/)
  assert.equal(response.headers.get('cache-control'), 'no-store')
  assert.equal(response.headers.get('x-accel-buffering'), 'no')
})

rule('an EventSource resumes: GET, with the cursor of its last event in Last-Event-ID', async (node) => {
  const talk = await Talk.begin(node)
  await talk.say(3)
  const url = `${node.url}?${new URLSearchParams({ query: watch, variables: JSON.stringify({ id: talk.id, after: talk.cursor }) })}`
  const get = (headers) => fetch(url, { headers: { accept: 'text/event-stream', ...bearer(talk.grace), ...headers } })
  const mine = (events) => events.filter((e) => e.data && JSON.parse(e.data).data.conversationUpdates.message?.body)
  const first = await read(await get(), (events) => mine(events).length >= 1)
  const rest = await read(await get({ 'last-event-id': first[0].id }), (events) => events.length >= 1)
  assert.notEqual(rest[0].id, first[0].id)
})

rule('a mutation by GET is 405, whatever it accepts', async (node) => {
  const response = await fetch(`${node.url}?query=${encodeURIComponent('mutation { signOut { sessionId } }')}`, { headers: { accept: 'text/event-stream' } })
  assert.equal(response.status, 405)
})

rule('single connection mode is not there: PUT is 405 and says what is', async (node) => {
  const response = await fetch(node.url, { method: 'PUT' })
  assert.equal(response.status, 405)
  assert.equal(response.headers.get('allow'), 'GET, POST')
})

rule('a subscription without Accept: text/event-stream is told what to accept', async (node) => {
  const response = await post(node, { query: 'subscription { updates { __typename } }' }, { accept: 'application/json' })
  assert.match((await response.json()).errors[0].message, /text\/event-stream/)
})

for (const [status, what, body, headers] of [
  [400, 'no JSON', 'hello', {}],
  [400, 'no query', {}, {}],
  [413, 'a body over the limit', { query: `# ${'x'.repeat(300_000)}` }, {}],
  [415, 'another media type', 'query=x', { 'content-type': 'application/x-www-form-urlencoded' }],
]) {
  rule(`${status} before any event, for ${what}`, async (node) => {
    const response = await post(node, body, headers)
    assert.equal(response.status, status)
    assert.match(response.headers.get('content-type'), /json/)
  })
}

/** read reads events until enough says so, or the stream ends. */
async function read(response, enough) {
  const events = []
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + chunk).split('\n\n')
    text = blocks.pop()
    for (const block of blocks) {
      const lines = block.split('\n').filter((l) => l && !l.startsWith(':'))
      if (lines.length > 0) events.push(Object.fromEntries(lines.map((l) => l.split(/: ?(.*)/, 2))))
    }
    if (enough(events)) break
  }
  return events
}
