// Who the rules are about, and what they say to each other. Every suite of a node shares them.

import { randomUUID } from 'node:crypto'

import { Queue, assert } from './rules.js'

const known = new Map()

/** people are signed in on a node: ada and grace, and leaver, a session that ends. */
export function people(node) {
  if (!known.has(node.name)) known.set(node.name, gather(node))
  return known.get(node.name)
}

async function gather(node) {
  const ada = await node.person('ada')
  const [grace, leaver] = await Promise.all([node.person('grace'), node.person('ada')])
  return { ada, grace, leaver }
}

/** A Talk is what ada says in a conversation with grace, told apart from other talks by a mark. */
export class Talk {
  #mark = randomUUID().slice(0, 8)
  #sent = []
  #seen = []
  #news = new Queue()

  /** begin says the first thing, and notes the cursor behind it. */
  static async begin(node) {
    const { ada, grace } = await people(node)
    const talk = Object.assign(new Talk(), { node, ada, grace })
    const { sendMessage } = await node.gql(SEND, { input: { recipientId: grace.id, body: 'hello' } }, ada.accessToken)
    talk.id = sendMessage.conversation.id
    const { conversation } = await node.gql(`query ($id: ID!) { conversation(id: $id) { cursor } }`, talk, grace.accessToken)
    talk.cursor = conversation.cursor
    return talk
  }

  /** say sends so many messages through a node. */
  async say(count, node = this.node) {
    for (let i = 0; i < count; i++) {
      const body = `${this.#mark} ${this.#sent.length + 1}`
      this.#sent.push(body)
      const { sendMessage } = await node.gql(SEND, { input: { conversationId: this.id, body } }, this.ada.accessToken)
      assert.deepEqual(sendMessage.userErrors, [])
    }
  }

  /** see takes what a subscription delivered. */
  see(update) {
    const body = update.message?.body
    assert.notEqual(update.__typename, 'ResyncRequired')
    if (body?.startsWith(this.#mark)) {
      this.#seen.push(body)
      this.#news.push(body)
    }
  }

  /** heard waits until all that was said has been seen, and fails if anything is missing, doubled or out of order. */
  async heard() {
    await this.say(1)
    while ((await this.#news.next(40_000)) !== this.#sent.at(-1));
    assert.deepEqual(this.#seen, this.#sent)
  }
}

const SEND = `mutation ($input: SendMessageInput!) {
  sendMessage(input: $input) { conversation { id } userErrors { code message } }
}`

/** watch is the subscription that a Talk is seen by. */
export const watch = `subscription ($id: ID!, $after: String) {
  conversationUpdates(conversationId: $id, after: $after) {
    __typename
    ... on MessageSent { cursor message { body } }
    ... on CursorMoved { cursor }
    ... on ResyncRequired { cursor reason }
  }
}`
