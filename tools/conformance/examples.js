// The snippets of docs/clients.md and the example client, run as they stand in docs/examples/client.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { parse } from 'graphql'

import { apollo } from '../../docs/examples/client/apollo.js'
import { connect } from '../../docs/examples/client/live.js'
import { WATCH } from '../../docs/examples/client/operations.js'
import { Session } from '../../docs/examples/client/session.js'
import { subscribe } from '../../docs/examples/client/sse.js'
import { urql } from '../../docs/examples/client/urql.js'
import { line, password } from './nodes.js'
import { Talk } from './people.js'
import { Queue, Suite, assert, within } from './rules.js'

export const examples = new Suite('The clients of docs/clients.md')

const rule = (sentence, check) => examples.rule(sentence, check)
const folder = fileURLToPath(new URL('../../docs/examples/client', import.meta.url))

const fail = (problem) => {
  throw problem
}

// Each watches a conversation behind a cursor, and answers how to end it.
const clients = {
  'graphql-ws': (session, variables, next) => {
    const client = connect(session)
    client.subscribe({ query: WATCH, variables }, { next: ({ data }) => next(data), error: fail, complete() {} })
    return () => client.dispose()
  },
  'Apollo Client': (session, variables, next) => {
    const { client, close } = apollo(session)
    client.subscribe({ query: parse(WATCH), variables, fetchPolicy: 'no-cache' }).subscribe({ next: ({ data }) => next(data), error: fail })
    return close
  },
  urql: (session, variables, next) => {
    const { client, close } = urql(session)
    const { unsubscribe } = client.subscription(WATCH, variables).subscribe(({ data, error }) => (error ? fail(error) : data && next(data)))
    return () => (unsubscribe(), close())
  },
  'server-sent events': (session, variables, next) => {
    const ending = new AbortController()
    subscribe(session, { query: WATCH, variables }, ({ data }) => next(data), ending.signal).catch(fail)
    return () => ending.abort()
  },
}

/** until polls. */
async function until(what, holds) {
  for (const deadline = Date.now() + 30_000; !holds(); await new Promise((r) => setTimeout(r, 50))) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`)
  }
}

for (const [name, watch] of Object.entries(clients)) {
  rule(`${name}: three cuts with messages in between lose nothing and double nothing`, async (node) => {
    const [talk, through] = [await Talk.begin(node), await line(node)]
    const session = await Session.signIn(through.url, 'grace', password)
    const close = watch(session, { id: talk.id, after: talk.cursor }, ({ conversationUpdates }) => talk.see(conversationUpdates))
    for (let i = 0; i < 3; i++) {
      await talk.say(2)
      through.cut()
      await talk.say(2)
      through.restore()
      const before = through.opened
      await until('it comes back', () => through.opened > before)
    }
    await talk.heard()
    close()
    through.close()
  })
}

rule('graphql-ws: a line that goes silent without closing is noticed', async (node) => {
  const [talk, through] = [await Talk.begin(node), await line(node)]
  const session = await Session.signIn(through.url, 'grace', password)
  const close = clients['graphql-ws'](session, { id: talk.id, after: talk.cursor }, (data) => talk.see(data.conversationUpdates))
  await talk.heard()
  through.hush()
  await talk.heard()
  close()
  through.close()
})

rule('graphql-ws: an access token that the server no longer takes is replaced, and the subscription goes on', async (node) => {
  const talk = await Talk.begin(node)
  const { accessToken, refreshToken } = await node.person('grace')
  const stale = { accessToken: accessToken.slice(0, -4) + 'AAAA', refreshToken, expiresAt: '2999-01-01T00:00:00Z' }
  const kept = []
  const session = new Session(node.url, stale, (tokens) => kept.push(tokens))
  const close = clients['graphql-ws'](session, { id: talk.id, after: talk.cursor }, (data) => talk.see(data.conversationUpdates))
  await talk.heard()
  assert.equal(kept.length, 1)
  close()
})

rule('graphql-ws: a session that has ended is reported, and not tried for ever', async (node) => {
  const session = new Session(node.url, { accessToken: 'stale', refreshToken: 'stale', expiresAt: '2999-01-01T00:00:00Z' })
  const client = connect(session)
  const ended = new Promise((error) => client.subscribe({ query: WATCH, variables: { id: 'x' } }, { next() {}, error, complete() {} }))
  assert.equal((await within(20_000, ended)).constructor.name, 'SessionEnded')
})

rule('requests: two at once refresh once, and a request with an old token is sent again', async (node) => {
  const { accessToken, refreshToken } = await node.person('grace')
  const kept = []
  const session = new Session(node.url, { accessToken, refreshToken, expiresAt: new Date().toISOString() }, (t) => kept.push(t))
  const query = '{ viewer { account { username } } }'
  const answers = await Promise.all([session.request(query, {}), session.request(query, {})])
  assert.deepEqual(answers.map((a) => a.viewer.account.username), ['grace', 'grace'])
  assert.equal(kept.length, 1)
})

rule('chat.js: lists, opens, sends, and shows what comes, over a line that is cut', async (node) => {
  const [talk, through] = [await Talk.begin(node), await line(node)]
  const chat = spawn(process.execPath, ['chat.js', through.url, 'grace', password], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] })
  const said = []
  createInterface(chat.stdout).on('line', (text) => said.push(text))
  const says = (pattern) => until(`it says ${pattern}`, () => said.some((text) => pattern.test(text)))
  await says(/Type a number/)
  const { viewer } = await node.gql('{ viewer { profile { displayName } } }', {}, talk.ada.accessToken)
  const ada = viewer.profile.displayName
  const number = said.find((text) => text.includes(`  ${ada}`)).trim().split(' ')[0]
  chat.stdin.write(`${number}\n`)
  await says(new RegExp(`— ${ada} —`))
  const mark = String(process.hrtime.bigint())
  chat.stdin.write(`Noon? ${mark}\n`)
  await says(new RegExp(`: Noon\\? ${mark}`))
  through.cut()
  const send = 'mutation ($input: SendMessageInput!) { sendMessage(input: $input) { userErrors { code } } }'
  for (const n of [1, 2, 3]) await node.gql(send, { input: { conversationId: talk.id, body: `By the river ${mark} ${n}` } }, talk.ada.accessToken)
  chat.stdin.write(`Yes ${mark}\n`) // while there is no line
  through.restore()
  await says(new RegExp(`: Yes ${mark}`))
  await says(new RegExp(`By the river ${mark} 3`))
  const mine = said.filter((text) => text.includes(`By the river ${mark}`) && text.startsWith(`${ada}: `))
  assert.deepEqual(mine.map((text) => text.at(-1)), ['1', '2', '3'])
  assert.equal(said.filter((text) => text.endsWith(`: Noon? ${mark}`) && !/^ *\d/.test(text)).length, 1)
  chat.stdin.end()
  const [code] = await within(20_000, once(chat, 'exit'))
  assert.equal(code, 0)
  through.close()
})

rule('the lines for a shell do what docs/clients.md says', async (node) => {
  await Talk.begin(node)
  const page = await readFile(new URL('../../docs/clients.md', import.meta.url), 'utf8')
  const [, script] = page.match(/```sh\n(.*?)```/s)
  const { stdout } = await promisify(execFile)('bash', ['-euc', script], { env: { ...process.env, URL: node.url } })
  const ids = stdout.match(/"id":"message_\w+"/g)
  assert.equal(ids.length, 3)
  assert.equal(new Set(ids).size, 1)
  assert.match(stdout, /^event: next\nid: .+\ndata: .*"Noon\?"/m)
})

rule('the example client fits the types that are generated from the schema', async (node) => {
  if (node.name !== 'development') return
  await promisify(execFile)('npm', ['run', '--silent', 'check'], { cwd: folder }).catch((problem) => {
    throw new Error(problem.stdout + problem.stderr)
  })
})
