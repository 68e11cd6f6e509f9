// urql over the socket of live.js, which keeps the cursors.

import { Client, fetchExchange, subscriptionExchange } from '@urql/core'

import { connect } from './live.js'

/** @param {import('./session.js').Session} session */
export function urql(session) {
  const socket = connect(session)
  const client = new Client({
    url: session.url,
    preferGetMethod: false,
    fetch: async (url, options) => {
      const headers = { ...options.headers, authorization: `Bearer ${await session.token()}` }
      return fetch(url, { ...options, headers })
    },
    exchanges: [
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
        }),
      }),
      fetchExchange,
    ],
  })
  return { client, close: () => socket.dispose() }
}
