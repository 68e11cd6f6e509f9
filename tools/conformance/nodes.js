// Convene as it runs somewhere, on throw-away services, and a line to it that can be cut.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const program = path.join(root, 'bin/convene')

/** The password of the demo people, and of those whom the rules register. */
export const password = 'lunch-is-at-noon'

// What the outside has set is not for the nodes.
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CONVENE|OTEL)_|^SMTP_URL$/.test(name)))

/** freePort is a port that nobody listens at. */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** A started node of Convene. */
export class Node {
  constructor(name, args, settings) {
    Object.assign(this, { name, args, settings, log: '', registered: {} })
  }

  /** start runs the program and waits until it serves. */
  async start() {
    this.port ??= await freePort()
    this.child = spawn(program, this.args, {
      cwd: tmpdir(),
      env: { ...environment, ...this.settings, ADDR: `127.0.0.1:${this.port}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (text) => (this.log = (this.log + text).slice(-20_000)))
    }
    for (const deadline = Date.now() + 120_000; Date.now() < deadline; await sleep(100)) {
      if (this.child.exitCode !== null) break
      const ready = await fetch(`http://127.0.0.1:${this.port}/readyz`).catch(() => null)
      if (ready?.ok) return this
    }
    throw new Error(`${this.name} did not come up:\n${this.log}`)
  }

  /** stop ends the program: in order with SIGTERM, at once with SIGKILL. */
  async stop(signal = 'SIGTERM') {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return
    const exit = once(this.child, 'exit')
    this.child.kill(signal)
    await exit
  }

  get url() {
    return `http://127.0.0.1:${this.port}/graphql`
  }

  get socketURL() {
    return this.url.replace('http', 'ws')
  }

  /** gql sends one operation by POST, and answers its data. */
  async gql(query, variables, token) {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
    })
    const { data, errors } = await response.json()
    if (response.status === 429 || errors?.[0].extensions.code === 'RATE_LIMITED') {
      await sleep(1000 * (Number(response.headers.get('retry-after')) || 1)) // many rules at once are one person here
      return this.gql(query, variables, token)
    }
    if (errors) throw new Error(JSON.stringify(errors))
    return data
  }

  /** person signs somebody in, whom production does not know at first. */
  async person(username) {
    await (this.registered[username] ??= this.#register(username))
    const { signIn } = await this.gql(
      `mutation ($in: SignInInput!) { signIn(input: $in) { viewer { profile { id } } session { accessToken refreshToken } } }`,
      { in: { login: username, password } },
    )
    return { ...signIn.session, id: signIn.viewer.profile.id }
  }

  async #register(username) {
    // Where the demo people are, the name is taken.
    await this.gql(`mutation ($in: RegisterInput!) { register(input: $in) { userErrors { code } } }`, {
      in: { username, email: `${username}@example.org`, password },
    })
  }
}

/** development is a node as `make run` starts it, with services of its own and the demo people. */
export async function development() {
  const data = mkdtempSync(path.join(tmpdir(), 'convene-conformance-'))
  const node = new Node('development', [], { CONVENE_DATA: data })
  process.on('exit', () => rmSync(data, { recursive: true, force: true }))
  return node.start()
}

/** production is a node as an operator runs it, on the services that withservices has started. */
export async function production() {
  const { CONVENE_TEST_DATABASE_URL, CONVENE_TEST_REDIS_URL } = process.env
  if (!CONVENE_TEST_DATABASE_URL) throw new Error('Run `make conformance`: it starts the services.')
  return new Node('production', ['serve'], {
    CONVENE_ENV: 'production',
    CONVENE_URL: 'https://convene.example.org',
    CONVENE_KEYS: execFileSync(program, ['keys'], { env: environment, encoding: 'utf8' }).trim(),
    CONVENE_MAIL: 'off',
    DATABASE_URL: CONVENE_TEST_DATABASE_URL,
    REDIS_URL: CONVENE_TEST_REDIS_URL,
  }).start()
}

/** sibling is another node on the services of a node. One in development prints how to start it. */
export async function sibling(node) {
  const [, DATABASE_URL, REDIS_URL] = node.log.match(/DATABASE_URL='(.+?)' REDIS_URL='(.+?)'/) ?? []
  return new Node(`${node.name}, another node`, node.args, { ...node.settings, ...(DATABASE_URL && { DATABASE_URL, REDIS_URL }) }).start()
}

/** A Line is a connection to a node through a proxy, which can cut it, and refuse new ones. */
export class Line {
  #open = new Set()
  #refuses = false

  constructor(node) {
    this.node = node
    this.opened = 0
  }

  async listen() {
    this.server = net.createServer((near) => {
      if (this.#refuses) return near.resetAndDestroy()
      this.opened++
      const far = net.connect(this.node.port, '127.0.0.1')
      this.#open.add([near, far])
      near.pipe(far).pipe(near)
      for (const end of [near, far]) {
        end.on('error', () => {})
        end.on('close', () => (near.destroy(), far.destroy()))
      }
    })
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    this.url = `http://127.0.0.1:${this.server.address().port}/graphql`
    this.socketURL = this.url.replace('http', 'ws')
    return this
  }

  /** cut ends all connections without a word, and refuses new ones until restore. */
  cut() {
    this.#refuses = true
    for (const [near, far] of this.#open) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
    this.#open.clear()
  }

  /** hush lets nothing more through on the open connections, and does not close them. */
  hush() {
    for (const [near, far] of this.#open) {
      near.unpipe(far)
      far.unpipe(near)
      near.resume()
      far.resume()
    }
  }

  restore() {
    this.#refuses = false
  }

  close() {
    this.cut()
    this.server.close()
  }
}

/** line is a Line to a node. */
export const line = (node) => new Line(node).listen()
