#!/usr/bin/env node
// A chat for the terminal: node chat.js http://127.0.0.1:8080/graphql ada lunch-is-at-noon

import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'

import { connect } from './live.js'
import { EVERYTHING, HISTORY, INBOX, MARK_READ, SEND, WATCH } from './operations.js'
import { Session } from './session.js'

const [url = 'http://127.0.0.1:8080/graphql', login = 'ada', password = 'lunch-is-at-noon'] = process.argv.slice(2)
const say = (text) => console.log(text)

const session = await Session.signIn(url, login, password)
const live = connect(session)

/** What is on the screen: the inbox by id, in the order of its numbers, and the open conversation. */
const inbox = new Map()
let open = { id: '', stop() {} }

await list()
watch(EVERYTHING, {}, ({ updates: update }) => {
  switch (update.__typename) {
    case 'ConversationChanged':
      inbox.set(update.conversation.id, update.conversation)
      if (update.conversation.id !== open.id && update.conversation.unreadCount > 0) show(update.conversation)
      break
    case 'SubjectGone':
      inbox.delete(update.id)
      break
    case 'CursorMoved': // also the first of all: what changed before this is in what is fetched after it
    case 'ResyncRequired':
      list()
  }
})

say('Type a number to open a conversation, text to send, Ctrl-D to leave.')
for await (const line of createInterface(process.stdin)) {
  if (/^\d+$/.test(line)) await look([...inbox.keys()][Number(line) - 1])
  else if (line.trim()) await send(line)
}
live.dispose()

/** list fetches the whole inbox, page by page. */
async function list() {
  for (let after = /** @type {string | null} */ (null), more = true; more; ) {
    const { viewer } = await session.request(INBOX, { first: 50, after })
    if (!viewer) return
    for (const conversation of viewer.inbox.nodes) {
      const isNew = !inbox.has(conversation.id)
      inbox.set(conversation.id, conversation)
      if (isNew) show(conversation)
    }
    after = viewer.inbox.pageInfo.endCursor
    more = viewer.inbox.pageInfo.hasNextPage
  }
}

/** look opens a conversation: its latest messages, and from there on all that happens. */
async function look(id) {
  open.stop()
  const { conversation } = await session.request(HISTORY, { id, first: 20 })
  if (!conversation) return say('There is no such conversation.')
  say(`— ${conversation.title} —`)
  for (const message of conversation.messages.nodes.reverse()) print(message)
  const stop = watch(WATCH, { id, after: conversation.cursor }, ({ conversationUpdates: update }) => {
    if (update.__typename === 'ResyncRequired') look(id)
    if ('message' in update) print(update.message, update.__typename)
    if (update.__typename === 'MessageSent') session.request(MARK_READ, { input: { conversationId: id } })
  })
  open = { id, stop }
  await session.request(MARK_READ, { input: { conversationId: id } })
}

/** send sends a text once, however often it takes. */
async function send(body) {
  const input = { conversationId: open.id, body, idempotencyKey: randomUUID() }
  const { sendMessage } = await session.request(SEND, { input })
  for (const { message } of sendMessage.userErrors) say(`Not sent: ${message}`)
}

/**
 * watch runs a subscription over the one socket; it answers how to end it.
 *
 * @template R, V
 * @param {import('./operations.js').Operation<R, V>} query
 * @param {V & {}} variables
 * @param {(data: R) => void} next
 */
function watch(query, variables, next) {
  return live.subscribe({ query, variables }, {
    next: ({ data }) => next(/** @type {any} */ (data)),
    error: (problem) => say(`No more updates: ${problem instanceof Error ? problem.message : JSON.stringify(problem)}`),
    complete() {},
  })
}

function show({ id, title, unreadCount, lastMessage }) {
  const number = [...inbox.keys()].indexOf(id) + 1
  say(`${String(number).padStart(3)}  ${title}${unreadCount ? ` (${unreadCount})` : ''}: ${lastMessage?.body ?? '…'}`)
}

function print({ body, isDeleted, author }, what = 'MessageSent') {
  const mark = what === 'MessageEdited' ? ' (edited)' : ''
  say(`${author?.displayName ?? 'Somebody'}: ${isDeleted ? '(deleted)' : body}${mark}`)
}
