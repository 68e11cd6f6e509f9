// The four tabs that GraphiQL opens with: what a chat client does, in its shortest form.

const watch = `# Press play, then write from another window.
# After a broken line this goes on behind the
# last cursor: all of it, once and in order.
subscription Watch($conversationId: ID!, $after: String) {
  conversationUpdates(conversationId: $conversationId, after: $after) {
    __typename
    ... on MessageSent {
      cursor
      message { id seq body isMine createdAt author { username displayName } }
    }
    ... on MessageEdited {
      cursor
      message { id seq body editedAt version }
    }
    ... on MessageDeleted {
      cursor
      message { id seq isDeleted }
    }
    ... on CursorMoved {
      cursor
    }
    ... on ResyncRequired {
      reason
      cursor
    }
  }
}
`;

const everything = `# Everything that changes for you, as it is then:
# one line and one cursor for a whole app.
subscription Everything($after: String) {
  updates(after: $after) {
    __typename
    ... on ConversationChanged {
      cursor
      conversation {
        id
        title
        unreadCount
        lastMessage { seq body isMine isDeleted }
      }
    }
    ... on SubjectGone {
      cursor
      id
    }
    ... on CursorMoved {
      cursor
    }
    ... on ResyncRequired {
      reason
      cursor
    }
  }
}
`;

const send = `# A first message to somebody takes recipientId,
# a profile's id, in place of conversationId.
# With an idempotencyKey, retries are harmless.
mutation Send($input: SendMessageInput!) {
  sendMessage(input: $input) {
    message { id seq body createdAt }
    conversation { id title }
    userErrors { message field code }
  }
}
`;

const inbox = `query Inbox {
  viewer {
    profile { id username displayName }
    inbox(first: 20) {
      nodes {
        id
        title
        unreadCount
        otherMembers(first: 5) { username displayName }
        lastMessage { seq body isMine createdAt author { displayName } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
`;

/** The tabs, with a conversation's id where one is needed. */
export function defaultTabs(conversationId = '') {
  const json = (value) => JSON.stringify(value, null, 2);
  return [
    { query: watch, variables: json({ conversationId, after: null }) },
    { query: everything, variables: json({ after: null }) },
    { query: send, variables: json({ input: { conversationId, body: 'Hello from GraphiQL' } }) },
    { query: inbox },
  ];
}
