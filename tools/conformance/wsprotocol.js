// Every rule of https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md, with a socket that may say anything.

import { once } from 'node:events'
import { request } from 'node:http'

import { Suite, assert } from './rules.js'
import { Socket, subscribe } from './socket.js'
import { people } from './people.js'

export const wsProtocol = new Suite('graphql-transport-ws: the protocol, message by message')

const rule = (sentence, check) => wsProtocol.rule(sentence, check)
const typename = '{ __typename }'
const answered = (id) => [
  { id, type: 'next', payload: { data: { __typename: 'Query' } } },
  { id, type: 'complete' },
]
const updates = 'subscription { updates { __typename } }'

// The subprotocol.

rule('the server takes up the subprotocol graphql-transport-ws', async (node) => {
  const socket = await Socket.open(node)
  assert.equal(socket.ws.protocol, 'graphql-transport-ws')
  socket.end()
})

for (const protocol of ['graphql-ws', 'GraphQL-Transport-WS', []]) {
  const name = protocol.length ? protocol : 'none'
  rule(`another subprotocol closes with 4406: ${name}`, async (node) => {
    // The client has to accept an answer without its subprotocol to see the close frame.
    const socket = protocol.length ? await rawUpgrade(node, protocol) : await Socket.open(node, { protocol })
    await socket.wantsClose(4406, /Subprotocol not acceptable/)
  })
}

// ConnectionInit and ConnectionAck.

rule('connection_init is acknowledged', async (node) => (await Socket.ready(node)).end())

rule('connection_init may have a payload, and a payload of null', async (node) => {
  for (const payload of [{}, { a: 1 }, null]) {
    const socket = await Socket.open(node)
    await socket.send({ type: 'connection_init', payload }).wants({ type: 'connection_ack' })
    socket.end()
  }
})

rule('without connection_init the socket closes with 4408', async (node) => {
  await (await Socket.open(node)).wantsClose(4408, /Connection initialisation timeout/, 15_000)
})

rule('a second connection_init closes with 4429', async (node) => {
  await (await Socket.ready(node)).send({ type: 'connection_init' }).wantsClose(4429, /Too many initialisation requests/)
})

rule('a second connection_init before the answer to the first closes with 4429', async (node) => {
  const socket = await Socket.open(node)
  await socket.send({ type: 'connection_init' }).send({ type: 'connection_init' }).wantsClose(4429)
})

rule('credentials that are no good close with 4403', async (node) => {
  for (const authorization of ['Bearer nonsense', 'nonsense', 'Basic YTpi', 7]) {
    const socket = await Socket.open(node)
    await socket.send({ type: 'connection_init', payload: { authorization } }).wantsClose(4403, /Forbidden/)
  }
})

rule('a session that ends closes its socket with 4403', async (node) => {
  const { leaver } = await people(node)
  const socket = await Socket.ready(node, leaver.accessToken)
  await node.gql('mutation { signOut { sessionId } }', undefined, leaver.accessToken)
  await socket.wantsClose(4403, /Session ended/)
})

// Ping and Pong.

rule('ping is answered with pong, before and after the acknowledgement', async (node) => {
  const socket = await Socket.open(node)
  await socket.send({ type: 'ping' }).wants({ type: 'pong' })
  await socket.send({ type: 'connection_init' }).wants({ type: 'connection_ack' })
  await socket.send({ type: 'ping' }).wants({ type: 'pong' })
  socket.end()
})

rule('pong has the payload of its ping', async (node) => {
  const socket = await Socket.ready(node)
  await socket.send({ type: 'ping', payload: { a: [1, 'ü'] } }).wants({ type: 'pong', payload: { a: [1, 'ü'] } })
  socket.end()
})

rule('pong is taken at any time, and not answered', async (node) => {
  const socket = await Socket.open(node)
  socket.send({ type: 'pong' }).send({ type: 'pong', payload: { a: 1 } })
  await socket.stands()
  await socket.send({ type: 'connection_init' }).wants({ type: 'connection_ack' })
  socket.send({ type: 'pong' })
  await socket.stands()
  socket.end()
})

rule('the ping of the WebSocket itself is answered', async (node) => {
  const socket = await Socket.ready(node)
  socket.ws.ping('hello')
  assert.equal((await once(socket.ws, 'pong')).toString(), 'hello')
  socket.end()
})

rule('the server pings by itself, and keeps who answers', async (node) => {
  const socket = await Socket.ready(node)
  assert.deepEqual(await socket.next(30_000), { type: 'ping' })
  await socket.send({ type: 'pong' }).stands()
  socket.end()
})

// Subscribe, Next, Error, Complete.

rule('subscribe before the acknowledgement closes with 4401', async (node) => {
  await (await Socket.open(node)).send(subscribe('1', typename)).wantsClose(4401, /Unauthorized/)
})

rule('a query is one next, then complete', async (node) => {
  const socket = await Socket.ready(node)
  await socket.send(subscribe('1', typename)).wants(...answered('1'))
  socket.end()
})

rule('a mutation is one next, then complete', async (node) => {
  const socket = await Socket.ready(node)
  const mutation = 'mutation { signIn(input: {login: "nobody", password: "nothing at all"}) { userErrors { code } } }'
  await socket.send(subscribe('1', mutation)).wants(
    { id: '1', type: 'next', payload: { data: { signIn: { userErrors: [{ code: 'WRONG_CREDENTIALS' }] } } } },
    { id: '1', type: 'complete' },
  )
  socket.end()
})

rule('operationName chooses the operation, variables and extensions are taken', async (node) => {
  const socket = await Socket.ready(node)
  const query = 'query A { a: __typename } query B($x: Boolean!) { b: __typename @include(if: $x) }'
  socket.send({ id: '1', type: 'subscribe', payload: { query, operationName: 'B', variables: { x: true }, extensions: { a: 1 } } })
  await socket.wants({ id: '1', type: 'next', payload: { data: { b: 'Query' } } }, { id: '1', type: 'complete' })
  socket.end()
})

rule('null is as good as absent for operationName, variables and extensions', async (node) => {
  const socket = await Socket.ready(node)
  socket.send({ id: '1', type: 'subscribe', payload: { query: typename, operationName: null, variables: null, extensions: null } })
  await socket.wants(...answered('1'))
  socket.end()
})

for (const [what, query] of [
  ['a document that can not be parsed', '{'],
  ['a document that is not valid', '{ nothingOfThatName }'],
  ['a variable that is missing', 'query ($id: ID!) { node(id: $id) { id } }'],
  ['a subscription that is refused', updates],
]) {
  rule(`an error message ends the operation, and the socket stands: ${what}`, async (node) => {
    const socket = await Socket.ready(node)
    const { id, type, payload, ...rest } = await socket.send(subscribe('1', query)).next()
    assert.deepEqual([id, type, rest], ['1', 'error', {}])
    assert.ok(Array.isArray(payload) && payload.length > 0 && payload.every((e) => typeof e.message === 'string'))
    await socket.stands()
    await socket.send(subscribe('1', typename)).wants(...answered('1'))
    socket.end()
  })
}

rule('an error of a field comes with the result', async (node) => {
  const socket = await Socket.ready(node)
  const query = 'mutation { updateProfile(input: {displayName: "X"}) { profile { id } } }'
  const { type, payload } = await socket.send(subscribe('1', query)).next()
  // The field can not be null, so all of the data is.
  assert.deepEqual([type, payload.data, payload.errors[0].path], ['next', null, ['updateProfile']])
  await socket.wants({ id: '1', type: 'complete' })
  socket.end()
})

rule('an id that is in use closes with 4409', async (node) => {
  const { ada } = await people(node)
  const socket = await Socket.ready(node, ada.accessToken)
  socket.send(subscribe('twice', updates)).send(subscribe('twice', updates))
  await socket.wantsClose(4409, /Subscriber for twice already exists/)
})

rule('an id is free again once its operation is complete', async (node) => {
  const socket = await Socket.ready(node)
  for (let i = 0; i < 3; i++) await socket.send(subscribe('1', typename)).wants(...answered('1'))
  socket.end()
})

rule('operations with different ids run side by side', async (node) => {
  const { ada } = await people(node)
  const socket = await Socket.ready(node, ada.accessToken)
  for (const id of ['1', '2', '3']) socket.send(subscribe(id, updates))
  const ids = []
  for (let i = 0; i < 3; i++) ids.push((await socket.next()).id)
  assert.deepEqual(ids.sort(), ['1', '2', '3'])
  socket.end()
})

rule('complete from the client ends the operation: nothing more of it comes, and its id is free', async (node) => {
  const { ada } = await people(node)
  const socket = await Socket.ready(node, ada.accessToken)
  assert.equal((await socket.send(subscribe('1', updates)).next()).type, 'next')
  socket.send({ id: '1', type: 'complete' })
  await socket.stands()
  await socket.send(subscribe('1', typename)).wants(...answered('1'))
  socket.end()
})

rule('complete of what never was, or is over, is no fault', async (node) => {
  const socket = await Socket.ready(node)
  socket.send({ id: 'never', type: 'complete' })
  await socket.send(subscribe('1', typename)).wants(...answered('1'))
  socket.send({ id: '1', type: 'complete' })
  await socket.stands()
  socket.end()
})

rule('more operations than a socket may run are errors, and the socket stands', async (node) => {
  const { ada } = await people(node)
  const socket = await Socket.ready(node, ada.accessToken)
  for (let i = 0; i < 100; i++) socket.send(subscribe(String(i), updates))
  for (let i = 0; i < 100; i++) assert.equal((await socket.next()).type, 'next')
  const { id, type, payload } = await socket.send(subscribe('one more', updates)).next()
  assert.deepEqual([id, type, payload[0].extensions.code], ['one more', 'error', 'RATE_LIMITED'])
  await socket.stands()
  socket.end()
})

// Messages that are none.

for (const [what, message] of [
  ['nothing', ''],
  ['no JSON', 'hello'],
  ['half a JSON', '{"type":"ping"'],
  ['two messages in one', '{"type":"ping"}{"type":"ping"}'],
  ['a string', '"ping"'],
  ['null', 'null'],
  ['an array', [{ type: 'ping' }]],
  ['no type', {}],
  ['a type that is no string', { type: 7 }],
  ['an unknown type', { type: 'hello' }],
  ['the type of an older protocol', { id: '1', type: 'start', payload: { query: typename } }],
  ['what only a server says: connection_ack', { type: 'connection_ack' }],
  ['what only a server says: next', { id: '1', type: 'next', payload: { data: null } }],
  ['what only a server says: error', { id: '1', type: 'error', payload: [{ message: 'x' }] }],
  ['connection_init with a payload that is no object', { type: 'connection_init', payload: 'x' }],
  ['ping with a payload that is no object', { type: 'ping', payload: 'x' }],
  ['pong with a payload that is no object', { type: 'pong', payload: 7 }],
  ['subscribe without id', { type: 'subscribe', payload: { query: typename } }],
  ['subscribe with an id that is no string', { id: 1, type: 'subscribe', payload: { query: typename } }],
  ['subscribe with an empty id', { id: '', type: 'subscribe', payload: { query: typename } }],
  ['subscribe without payload', { id: '1', type: 'subscribe' }],
  ['subscribe without query', { id: '1', type: 'subscribe', payload: {} }],
  ['subscribe with a query that is no string', { id: '1', type: 'subscribe', payload: { query: 7 } }],
  ['subscribe with variables that are no object', { id: '1', type: 'subscribe', payload: { query: typename, variables: 'x' } }],
  ['subscribe with an operationName that is no string', { id: '1', type: 'subscribe', payload: { query: typename, operationName: 7 } }],
  ['subscribe with extensions that are no object', { id: '1', type: 'subscribe', payload: { query: typename, extensions: 'x' } }],
  ['complete without id', { type: 'complete' }],
  ['complete with an id that is no string', { id: 7, type: 'complete' }],
  ['a binary frame', Buffer.from('{"type":"ping"}')],
]) {
  rule(`4400 for ${what}`, async (node) => {
    const sockets = [await Socket.ready(node), await Socket.open(node)]
    for (const socket of sockets) await socket.send(message).wantsClose(4400, /Invalid message/)
  })
}

rule('1009 for a message over the limit', async (node) => {
  await (await Socket.ready(node)).send({ type: 'ping', payload: { a: 'x'.repeat(70_000) } }).wantsClose(1009)
})

rule('other members of a message are ignored', async (node) => {
  const socket = await Socket.ready(node)
  await socket.send({ type: 'ping', id: 'x', more: [1] }).wants({ type: 'pong' })
  socket.end()
})

rule('a message may come in fragments', async (node) => {
  const socket = await Socket.ready(node)
  socket.ws.send('{"type":', { fin: false })
  socket.ws.send('"pi', { fin: false })
  socket.ws.send('ng"}', { fin: true })
  await socket.wants({ type: 'pong' })
  socket.end()
})

rule('a client that closes with 1000 is answered with 1000', async (node) => {
  const socket = await Socket.ready(node)
  socket.ws.close(1000, 'Normal Closure')
  await socket.wantsClose(1000)
})

// rawUpgrade asks for a subprotocol that the answer will not have, which a client would not accept.
async function rawUpgrade(node, protocol) {
  const upgrade = request(node.url, {
    headers: {
      connection: 'Upgrade', upgrade: 'websocket',
      'sec-websocket-key': Buffer.alloc(16, 7).toString('base64'), 'sec-websocket-version': '13', 'sec-websocket-protocol': protocol,
    },
  }).end()
  const [, tcp, head] = await once(upgrade, 'upgrade')
  return {
    async wantsClose(code, reason) {
      const frame = head.length >= 4 ? head : (await once(tcp, 'data'))[0]
      tcp.destroy()
      assert.equal(frame[0], 0x88, 'it is no close frame')
      assert.equal(frame.readUInt16BE(2), code)
      assert.match(frame.subarray(4).toString(), reason)
    },
  }
}
