// Every GraphQL operation of the demo chat.

const SHOWN = `fragment Shown on Message {
  id seq body isMine isDeleted editedAt version createdAt
  author { id username displayName }
}`;

// What the list of conversations shows: the same in an answer and in an update.
const LISTED = `fragment Listed on Conversation {
  id title unreadCount readThroughSeq
  otherMembers(first: 5) { id username displayName }
  lastMessage { ...Shown }
}
${SHOWN}`;

export const INBOX = `query Inbox($first: Int!, $after: String) {
  viewer {
    inbox(first: $first, after: $after) {
      nodes { ...Listed }
      pageInfo { hasNextPage endCursor }
    }
  }
}
${LISTED}`;

// The cursor stands above the messages: what happens after it was taken comes by the subscription.
export const HISTORY = `query History($id: ID!, $first: Int!, $after: String) {
  conversation(id: $id) {
    cursor
    messages(first: $first, after: $after) {
      nodes { ...Shown }
      pageInfo { hasNextPage endCursor }
    }
  }
}
${SHOWN}`;

export const PERSON = `query Person($username: String!) {
  profile(username: $username) { id username displayName }
}`;

export const SEND = `mutation Send($input: SendMessageInput!) {
  sendMessage(input: $input) {
    message { ...Shown }
    conversation { ...Listed }
    userErrors { message code }
  }
}
${LISTED}`;

export const EDIT = `mutation Edit($input: EditMessageInput!) {
  editMessage(input: $input) { message { ...Shown } userErrors { message code } }
}
${SHOWN}`;

export const DELETE = `mutation Delete($input: DeleteMessageInput!) {
  deleteMessage(input: $input) { message { ...Shown } userErrors { message code } }
}
${SHOWN}`;

export const MARK_READ = `mutation MarkRead($input: MarkConversationReadInput!) {
  markConversationRead(input: $input) { userErrors { message code } }
}`;

export const TYPING = `mutation Typing($input: StartTypingInput!) {
  startTyping(input: $input) { userErrors { message code } }
}`;

export const REFRESH = `mutation Refresh($input: RefreshSessionInput!) {
  refreshSession(input: $input) {
    session { accessToken refreshToken expiresAt }
    userErrors { message }
  }
}`;

// All that changes for the person, each thing as it is then.
export const EVERYTHING = `subscription Everything($after: String) {
  updates(after: $after) {
    __typename
    ... on ConversationChanged { cursor conversation { ...Listed } }
    ... on SubjectGone { cursor id }
    ... on CursorMoved { cursor }
    ... on ResyncRequired { reason cursor }
  }
}
${LISTED}`;

// Each change of a conversation. The same text for all of them and for every person, so that the server renders
// an update once.
export const WATCH = `subscription Watch($conversationId: ID!, $after: String) {
  conversationUpdates(conversationId: $conversationId, after: $after) {
    __typename
    ... on MessageSent { cursor message { ...Shown } }
    ... on MessageEdited { cursor message { ...Shown } }
    ... on MessageDeleted { cursor message { ...Shown } }
    ... on Typing { profile { id displayName } }
    ... on PresenceChanged { profile { id } isOnline }
    ... on CursorMoved { cursor }
    ... on ResyncRequired { reason cursor }
  }
}
${SHOWN}`;

/** The name of an operation, for people. */
export const nameOf = (text) => /(?:query|mutation|subscription)\s+(\w+)/.exec(text)?.[1] ?? 'operation';
