// Every operation of this client. Their types stand in operations.d.ts, made of this file and the schema.

const TOKENS = `session { accessToken refreshToken expiresAt } userErrors { code message }`

export const SIGN_IN = `mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { ${TOKENS} }
}`

export const REFRESH = `mutation Refresh($input: RefreshSessionInput!) {
  refreshSession(input: $input) { ${TOKENS} }
}`

export const INBOX = `query Inbox($first: Int!, $after: String) {
  viewer {
    profile { id displayName }
    inbox(first: $first, after: $after) {
      nodes { id title unreadCount lastMessage { body } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`

// The cursor stands above the messages: what happens after it was taken comes by the subscription.
export const HISTORY = `query History($id: ID!, $first: Int!) {
  conversation(id: $id) {
    cursor
    title
    messages(first: $first) { nodes { id seq body isDeleted author { displayName } } }
  }
}`

export const SEND = `mutation Send($input: SendMessageInput!) {
  sendMessage(input: $input) { message { id seq } userErrors { code message } }
}`

export const MARK_READ = `mutation MarkRead($input: MarkConversationReadInput!) {
  markConversationRead(input: $input) { conversation { id unreadCount } userErrors { code message } }
}`

// Each change of one conversation.
export const WATCH = `subscription Watch($id: ID!, $after: String) {
  conversationUpdates(conversationId: $id, after: $after) {
    __typename
    ... on MessageSent { cursor message { id seq body isDeleted author { displayName } } }
    ... on MessageEdited { cursor message { id seq body isDeleted author { displayName } } }
    ... on MessageDeleted { cursor message { id seq body isDeleted author { displayName } } }
    ... on CursorMoved { cursor }
    ... on ResyncRequired { cursor reason }
  }
}`

// Everything that changes for whoever is signed in.
export const EVERYTHING = `subscription Everything($after: String) {
  updates(after: $after) {
    __typename
    ... on ConversationChanged { cursor conversation { id title unreadCount lastMessage { body } } }
    ... on SubjectGone { cursor id }
    ... on CursorMoved { cursor }
    ... on ResyncRequired { cursor reason }
  }
}`
