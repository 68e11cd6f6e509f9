// Apollo Client over the socket of live.js, which keeps the cursors.

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client'
import { SetContextLink } from '@apollo/client/link/context'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'

import { connect } from './live.js'

/** @param {import('./session.js').Session} session */
export function apollo(session) {
  const socket = connect(session)
  const signed = new SetContextLink(async ({ headers }) => ({
    headers: { ...headers, authorization: `Bearer ${await session.token()}` },
  }))
  const client = new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === 'subscription',
      new GraphQLWsLink(socket),
      signed.concat(new HttpLink({ uri: session.url })),
    ),
    cache: new InMemoryCache(),
  })
  return { client, close: () => (client.stop(), socket.dispose()) }
}
