// A WebSocket that sends what no client would.

import { once } from 'node:events'

import WebSocket from 'ws'

import { Queue, assert, plain, within } from './rules.js'

export class Socket {
  #messages = new Queue()

  constructor(node, { protocol = 'graphql-transport-ws', headers } = {}) {
    this.ws = new WebSocket(node.socketURL, protocol, { headers })
    this.ws.on('error', () => {})
    this.ws.on('message', (data) => this.#messages.push(JSON.parse(data.toString())))
    this.closed = once(this.ws, 'close').then(([code, reason]) => ({ code, reason: reason.toString() }))
  }

  /** open waits for the WebSocket. */
  static async open(node, options) {
    const socket = new Socket(node, options)
    await within(10_000, Promise.race([once(socket.ws, 'open'), socket.closed]))
    return socket
  }

  /** ready is an acknowledged socket; with a token it is of whom that says. */
  static async ready(node, token) {
    const socket = await Socket.open(node)
    socket.send({ type: 'connection_init', ...(token && { payload: { authorization: `Bearer ${token}` } }) })
    await socket.wants({ type: 'connection_ack' })
    return socket
  }

  /** send sends a message: an object as JSON, a text or bytes as they are. */
  send(message) {
    this.ws.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message))
    return this
  }

  next(ms) {
    return this.#messages.next(ms)
  }

  /** wants fails unless these messages come next. */
  async wants(...messages) {
    for (const message of messages) {
      const came = await this.next()
      if (came.type === 'next') came.payload = plain(came.payload)
      assert.deepEqual(came, message)
    }
  }

  /** wantsClose fails unless the server ends the socket with this code. */
  async wantsClose(code, reason, ms = 20_000) {
    const got = await within(ms, this.closed)
    assert.equal(got.code, code, `closed with ${got.code} ${got.reason}`)
    if (reason) assert.match(got.reason, reason)
  }

  /** stands fails unless the server still answers, and sends nothing else before that. */
  async stands() {
    this.send({ type: 'ping', payload: { still: 'there' } })
    await this.wants({ type: 'pong', payload: { still: 'there' } })
  }

  end() {
    this.ws.terminate()
  }
}

/** subscribe is the message that begins an operation. */
export const subscribe = (id, query, variables) => ({ id, type: 'subscribe', payload: { query, variables } })
