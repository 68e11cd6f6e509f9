// Live updates over a WebSocket, with graphql-ws: nothing is missing and nothing comes twice, however often the line breaks.

import { createClient } from 'graphql-ws'
import WebSocket from 'ws'

import { SessionEnded, isPassing, pause } from './session.js'

/**
 * connect makes a client of graphql-ws that comes back for as long as somebody is signed in, and whose subscriptions go
 * on behind the last update that came. One is enough for a whole app.
 *
 * @param {import('./session.js').Session} session
 * @returns {import('graphql-ws').Client}
 */
export function connect(session) {
  let unanswered
  const client = createClient({
    url: session.url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket, // browsers have their own: leave it out there
    connectionParams: async () => ({ authorization: `Bearer ${await session.token()}` }),
    retryAttempts: Infinity, // five by default
    shouldRetry: (problem) => !(problem instanceof SessionEnded), // by default not when nobody answers the call
    retryWait: pause, // by default twice as long each time, without an end
    keepAlive: 20_000, // a line can be dead without saying so
    on: {
      ping: (isTheirs) => {
        if (!isTheirs) unanswered = setTimeout(() => client.terminate(), 5_000)
      },
      pong: (isTheirs) => {
        if (isTheirs) clearTimeout(unanswered)
      },
      closed: (event) => {
        clearTimeout(unanswered)
        if (/** @type {CloseEvent} */ (event).code === 4403) session.distrust()
      },
    },
  })
  return { ...client, subscribe: (request, sink) => resume(client, request, /** @type {any} */ (sink)) }
}

/**
 * resume keeps the cursor of each update in the payload, because that is what graphql-ws sends when it is back.
 *
 * @param {import('graphql-ws').Client} client
 * @param {import('graphql-ws').SubscribePayload} request
 * @param {import('graphql-ws').Sink<any>} sink
 */
function resume(client, { variables, ...request }, sink) {
  const payload = { ...request, variables: { .../** @type {any} */ (variables) } }
  /** @type {() => void} */
  let stop
  const start = () => {
    stop = client.subscribe(payload, {
      next(result) {
        const [update] = Object.values(/** @type {any} */ (result.data ?? {}))
        payload.variables.after = update?.cursor ?? payload.variables.after
        sink.next(result)
      },
      async error(problem) {
        if (!isPassing(problem)) return sink.error(problem)
        let stopped = false
        stop = () => (stopped = true)
        await pause(0)
        if (!stopped) start()
      },
      complete: () => sink.complete(),
    })
  }
  start()
  return () => stop()
}
