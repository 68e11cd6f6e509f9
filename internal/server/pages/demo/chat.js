// What the demo chat knows, and all that changes it: answers, updates, and what the person does.
// Nothing here touches the page; `onChange` is called after every change.
import { DELETE, EDIT, HISTORY, INBOX, MARK_READ, PERSON, SEND, UPDATES } from './documents.js';

const PAGE = 30;
const INBOX_PAGE = 20;
// A socket takes a hundred subscriptions; conversations beyond this are looked at when fetching.
const WATCHED = 60;

export class Chat {
  conversations = new Map();
  openId = '';
  moreAfter = null;
  problem = '';

  /** @param {{session, socket, onChange: () => void, isReading: (conversation) => boolean}} parts */
  constructor(parts) {
    Object.assign(this, parts);
  }

  get open() {
    return this.conversations.get(this.openId);
  }

  /** The conversations, the one with the latest message first. */
  get inbox() {
    const at = ({ lastMessage }) => (lastMessage ? Date.parse(lastMessage.createdAt) : 0);
    return [...this.conversations.values()].filter((c) => !c.recipient).sort((a, b) => at(b) - at(a));
  }

  async loadInbox({ more = false } = {}) {
    const after = more ? this.moreAfter : null;
    const { viewer } = await this.session.ask(INBOX, { first: INBOX_PAGE, after });
    const { nodes, pageInfo } = viewer.inbox;
    if (more || this.conversations.size <= INBOX_PAGE) this.moreAfter = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    for (const node of nodes) {
      const known = this.conversations.get(node.id);
      // Updates and reading may have overtaken this answer.
      if (known?.lastMessage?.seq > node.lastMessage?.seq) continue;
      if (known?.readingSeq >= node.lastMessage?.seq) node.unreadCount = 0;
      const conversation = Object.assign(known ?? blank(), node);
      this.conversations.set(node.id, conversation);
      if (!known) this.#watch(conversation);
    }
    this.onChange();
  }

  #watch(conversation) {
    if (this.conversations.size > WATCHED) return;
    const variables = { conversationId: conversation.id, after: conversation.cursor };
    const again = (error) => {
      const passing = !error?.[0] || ['UNAVAILABLE', 'TIMEOUT', 'RATE_LIMITED', 'INTERNAL'].includes(error[0].extensions?.code);
      if (passing) setTimeout(() => this.#watch(conversation), 5000 + Math.random() * 5000);
    };
    this.socket.subscribe(
      { query: UPDATES, variables },
      {
        next: ({ data }) => data && this.#apply(conversation, data.conversationUpdates),
        error: again,
        // The server ends a subscription when one is no longer in the conversation.
        complete: () => this.refetch().catch(() => {}),
      },
    );
  }

  #apply(conversation, update) {
    conversation.cursor = update.cursor;
    switch (update.__typename) {
      case 'MessageSent':
        this.#arrived(conversation, update.message);
        break;
      case 'MessageEdited':
      case 'MessageDeleted':
        this.#keep(conversation, update.message);
        break;
      case 'ResyncRequired':
        this.refetch(conversation).catch((error) => this.#trouble(error));
        break;
    }
    this.onChange();
  }

  #arrived(conversation, message) {
    // An inbox that was fetched a moment ago may have counted it already.
    const isNew = message.seq > (conversation.lastMessage?.seq ?? 0);
    if (isNew) conversation.lastMessage = message;
    if (isNew && !message.isMine && !this.isReading(conversation)) conversation.unreadCount++;
    if (message.isMine) {
      // Sending has moved one's own read position.
      conversation.unreadCount = 0;
      conversation.readThroughSeq = Math.max(conversation.readThroughSeq, message.seq);
      // The update may be here before the answer: it stands for the row that waits for it.
      const waiting = conversation.pending.findIndex((p) => p.state === 'sending' && p.body === message.body);
      if (waiting >= 0) conversation.pending.splice(waiting, 1);
    }
    this.#keep(conversation, message.isMine ? message : { ...message, arrivedAt: Date.now() });
  }

  #keep(conversation, message) {
    const { messages, lastMessage } = conversation;
    if (lastMessage?.id === message.id) conversation.lastMessage = message;
    if (!conversation.isLoaded && !conversation.loading) return;
    const known = messages.get(message.id);
    const isBelow = conversation.isLoaded && message.seq < conversation.lowestSeq;
    if (known ? known.version <= message.version : !isBelow) messages.set(message.id, message);
  }

  /** Shows a conversation, or, for `new:username`, an empty one with that person. */
  async show(id) {
    this.openId = id;
    this.problem = '';
    if (this.open) this.open.newAfterSeq = this.open.unreadCount > 0 ? this.open.readThroughSeq : Infinity;
    this.onChange();
    try {
      if (id.startsWith('new:') && !this.open) await this.#begin(id.slice(4));
      else if (id && !this.open) throw new Error('This conversation is not there any more.');
      else if (this.open && !this.open.isLoaded) await this.#load(this.open);
    } catch (error) {
      this.#trouble(error);
    }
  }

  async #begin(username) {
    const existing = this.inbox.find((c) => c.otherMembers.length === 1 && c.otherMembers[0].username === username);
    if (existing) return this.onMoved(`new:${username}`, existing.id);
    const { profile } = await this.session.ask(PERSON, { username });
    if (!profile) throw new Error('There is no such person.');
    const fields = { id: `new:${username}`, title: profile.displayName, otherMembers: [profile], recipient: profile };
    this.conversations.set(fields.id, Object.assign(blank(), fields, { isLoaded: true }));
    this.onChange();
  }

  #load(conversation) {
    conversation.loading ??= this.#fetch(conversation, null).finally(() => {
      conversation.loading = null;
      this.onChange();
    });
    return conversation.loading;
  }

  loadOlder(conversation) {
    if (!conversation.olderAfter || conversation.loading) return conversation.loading;
    conversation.loading = this.#fetch(conversation, conversation.olderAfter).finally(() => {
      conversation.loading = null;
      this.onChange();
    });
    return conversation.loading;
  }

  async #fetch(conversation, after) {
    const { conversation: found } = await this.session.ask(HISTORY, { id: conversation.id, first: PAGE, after });
    if (!found) {
      this.conversations.delete(conversation.id);
      throw new Error('This conversation is not there any more.');
    }
    const { nodes, pageInfo } = found.messages;
    const before = conversation.messages;
    if (!after) {
      // The newest page replaces all but what has arrived since it was read.
      const highest = Math.max(0, ...nodes.map((message) => message.seq));
      conversation.messages = new Map([...before].filter(([, message]) => message.seq > highest));
      conversation.lowestSeq = Infinity;
    }
    for (const message of nodes) {
      const known = before.get(message.id);
      conversation.messages.set(message.id, known?.version > message.version ? known : message);
    }
    conversation.lowestSeq = Math.min(conversation.lowestSeq, ...nodes.map((message) => message.seq));
    if (!pageInfo.hasNextPage) conversation.lowestSeq = 0;
    conversation.olderAfter = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    conversation.isLoaded = true;
    this.onChange();
  }

  /** Fetches the inbox anew, and the history of a conversation whose updates were lost. */
  async refetch(conversation) {
    await this.loadInbox();
    if (conversation?.isLoaded) await this.#load(conversation);
  }

  // --- what the person does ---

  /** Shows the message at once; the row stays until the server has answered. */
  send(conversation, body) {
    const row = { key: crypto.randomUUID(), body, createdAt: new Date().toISOString(), state: 'sending' };
    conversation.pending.push(row);
    conversation.newAfterSeq = Infinity;
    this.onChange();
    this.#enqueue(conversation, row);
  }

  retry(conversation, row) {
    row.state = 'sending';
    this.onChange();
    this.#enqueue(conversation, row);
  }

  discard(conversation, row) {
    const at = conversation.pending.indexOf(row);
    if (at >= 0) conversation.pending.splice(at, 1);
    this.onChange();
  }

  // One after the other, so that they arrive in the order in which they were written.
  #enqueue(conversation, row) {
    conversation.sending = conversation.sending.then(() => this.#deliver(conversation, row));
  }

  async #deliver(conversation, row) {
    const to = conversation.recipient && !conversation.movedTo
      ? { recipientId: conversation.recipient.id }
      : { conversationId: conversation.movedTo ?? conversation.id };
    const input = { ...to, body: row.body, idempotencyKey: row.key };
    try {
      const { sendMessage } = await this.#patiently(() => this.session.ask(SEND, { input }));
      if (sendMessage.userErrors.length > 0) throw new Error(sendMessage.userErrors[0].message);
      const id = sendMessage.conversation.id;
      if (conversation.recipient && !conversation.movedTo) await this.#move(conversation, id);
      const target = this.conversations.get(id) ?? conversation;
      this.discard(conversation, row);
      if (!(target.lastMessage?.seq > sendMessage.message.seq)) target.lastMessage = sendMessage.message;
      this.#keep(target, sendMessage.message);
    } catch (error) {
      row.state = 'failed';
      row.problem = error.message;
    }
    this.onChange();
  }

  // The same idempotencyKey each time: however often it is tried, it is sent once.
  async #patiently(ask) {
    for (let tries = 1, wait = 500; ; tries++, wait *= 2) {
      try {
        return await ask();
      } catch (error) {
        if (!error.isPassing || tries === 5) throw error;
        await new Promise((resume) => setTimeout(resume, wait));
      }
    }
  }

  // The first message has made the conversation: go on in it.
  async #move(draft, id) {
    draft.movedTo = id;
    await this.loadInbox();
    const conversation = this.conversations.get(id);
    if (!conversation) return;
    conversation.pending = draft.pending;
    this.conversations.delete(draft.id);
    this.onMoved(draft.id, id);
  }

  async edit(conversation, message, body) {
    const input = { messageId: message.id, body, expectedVersion: message.version };
    return this.#change(conversation, EDIT, input, 'editMessage');
  }

  async remove(conversation, message) {
    return this.#change(conversation, DELETE, { messageId: message.id }, 'deleteMessage');
  }

  /** Answers what went wrong, or nothing. */
  async #change(conversation, document, input, field) {
    try {
      const answer = (await this.session.ask(document, { input }))[field];
      if (answer.message) this.#keep(conversation, answer.message);
      this.onChange();
      return answer.userErrors[0]?.message;
    } catch (error) {
      return error.message;
    }
  }

  /** Moves the read position to the newest message of somebody else that is shown. */
  async markRead(conversation) {
    const others = [...conversation.messages.values()].filter((message) => !message.isMine);
    const throughSeq = Math.max(0, ...others.map((message) => message.seq));
    if (conversation.recipient || throughSeq <= Math.max(conversation.readThroughSeq, conversation.readingSeq)) return;
    conversation.readingSeq = throughSeq;
    conversation.unreadCount = 0;
    this.onChange();
    const input = { conversationId: conversation.id, throughSeq };
    try {
      const now = (await this.session.ask(MARK_READ, { input })).markConversationRead.conversation;
      if (now) conversation.readThroughSeq = Math.max(conversation.readThroughSeq, now.readThroughSeq);
    } catch {
      conversation.readingSeq = 0;
    }
  }

  #trouble(error) {
    this.problem = error.message;
    this.onChange();
  }
}

function blank() {
  return {
    messages: new Map(), pending: [], sending: Promise.resolve(), draft: '', otherMembers: [], lastMessage: null,
    unreadCount: 0, readThroughSeq: 0, lowestSeq: Infinity, olderAfter: null, isLoaded: false, loading: null,
    newAfterSeq: Infinity, readingSeq: 0,
  };
}
