// What the demo chat knows, and all that changes it: answers, updates, and what the person does.
// Nothing here touches the page; `onChange` is called after every change.
import { DELETE, EDIT, EVERYTHING, HISTORY, INBOX, MARK_READ, PERSON, SEND, TYPING, WATCH } from './documents.js';
import { Presence } from './presence.js';

const PAGE = 30;
const INBOX_PAGE = 20;
const GONE = 'This conversation is not there any more.';
const PASSING = ['UNAVAILABLE', 'TIMEOUT', 'RATE_LIMITED', 'INTERNAL'];

export class Chat {
  conversations = new Map();
  openId = '';
  moreAfter = null;
  problem = '';
  // How many updates the feed has given, and which was the last of each thing.
  #updates = 0;
  #lastOf = new Map();

  /** @param {{session, socket, onChange: () => void, isReading: (conversation) => boolean}} parts */
  constructor(parts) {
    Object.assign(this, parts);
  }

  get open() {
    return this.conversations.get(this.openId);
  }

  /** The conversations that have a message, the one with the latest first. */
  get inbox() {
    const at = ({ lastMessage }) => Date.parse(lastMessage.createdAt);
    return [...this.conversations.values()].filter((c) => c.lastMessage).sort((a, b) => at(b) - at(a));
  }

  /** How many messages to call unread: none where the person sees them come. */
  unread(conversation) {
    return this.isReading(conversation) ? 0 : conversation.unreadCount;
  }

  /** Fetches the inbox once the feed has begun, so that nothing falls in between. */
  async start() {
    await new Promise((begun) => {
      this.#follow(EVERYTHING, {}, (update) => {
        this.#apply(update);
        begun();
      });
    });
    await this.loadInbox().catch((error) => this.#trouble(error));
  }

  // Subscribes; after an error that may pass, again behind the last cursor.
  #follow(query, variables, apply) {
    this.socket.subscribe(
      { query, variables },
      {
        next: ({ data }) => {
          if (!data) return;
          const [update] = Object.values(data);
          // Who is typing or online comes without one.
          if (update.cursor) variables = { ...variables, after: update.cursor };
          apply(update);
          this.onChange();
        },
        error: (errors) => {
          const code = errors[0]?.extensions?.code;
          if (code && !PASSING.includes(code)) return;
          setTimeout(() => this.#follow(query, variables, apply), 5000 + Math.random() * 5000);
        },
        complete() {},
      },
    );
  }

  #apply(update) {
    const id = update.conversation?.id ?? update.id;
    if (id) this.#lastOf.set(id, ++this.#updates);
    switch (update.__typename) {
      case 'ConversationChanged':
        this.#put(update.conversation);
        break;
      case 'SubjectGone':
        this.#forget(id);
        break;
      case 'ResyncRequired':
        this.loadInbox({ anew: true }).catch((error) => this.#trouble(error));
        break;
    }
  }

  // Takes a conversation as it is shown. The updates of one that has been opened come on their own and may be ahead.
  #put(node) {
    const known = this.conversations.get(node.id);
    const lastMessage = known?.isLoaded ? newer(known.lastMessage, node.lastMessage) : node.lastMessage;
    this.conversations.set(node.id, Object.assign(known ?? blank(), node, { lastMessage }));
    // What was gone is back.
    if (!known && node.id === this.openId) this.show(node.id);
  }

  #forget(id) {
    if (this.conversations.delete(id) && id === this.openId) this.problem = GONE;
  }

  /** Fetches the inbox's first page; with `more` the next one; with `anew` in place of what was known. */
  async loadInbox({ more = false, anew = false } = {}) {
    const asked = this.#updates;
    const variables = { first: INBOX_PAGE, after: more ? this.moreAfter : null };
    const { viewer } = await this.#patiently(() => this.session.ask(INBOX, variables), Infinity);
    const { nodes, pageInfo } = viewer.inbox;
    // Of what the feed has told since the question, the answer may be older.
    const isOvertaken = (id) => this.#lastOf.get(id) > asked;
    for (const [id, { isLoaded }] of anew ? this.conversations : []) {
      if (!isLoaded && !isOvertaken(id)) this.#forget(id);
    }
    for (const node of nodes) {
      if (!isOvertaken(node.id)) this.#put(node);
    }
    this.moreAfter = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    this.onChange();
  }

  #applyTo(conversation, update) {
    switch (update.__typename) {
      case 'MessageSent':
        this.#arrived(conversation, update.message);
        break;
      case 'MessageEdited':
      case 'MessageDeleted':
        this.#keep(conversation, update.message);
        break;
      case 'Typing':
      case 'PresenceChanged':
        conversation.presence.apply(update, this.onChange);
        break;
      case 'ResyncRequired':
        this.#load(conversation).catch((error) => this.#trouble(error));
        break;
    }
  }

  #arrived(conversation, message) {
    if (message.author) conversation.presence.stopped(message.author.id);
    if (!message.isMine) return this.#keep(conversation, { ...message, arrivedAt: Date.now() });
    // The update may be here before the answer: it stands for the row that waits for it.
    const waiting = conversation.pending.findIndex((p) => p.state === 'sending' && p.body === message.body);
    if (waiting >= 0) conversation.pending.splice(waiting, 1);
    this.#keep(conversation, message);
  }

  #keep(conversation, message) {
    const { messages } = conversation;
    conversation.lastMessage = newer(conversation.lastMessage, message);
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
      else if (id && !this.open) throw new Error(GONE);
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
      this.#forget(conversation.id);
      throw new Error(GONE);
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
    const variables = { conversationId: conversation.id, after: found.cursor };
    if (!conversation.isLoaded) this.#follow(WATCH, variables, (update) => this.#applyTo(conversation, update));
    conversation.isLoaded = true;
    this.onChange();
  }

  // --- what the person does ---

  /** Shows the message at once; the row stays until the server has answered. */
  send(conversation, body) {
    const row = { key: crypto.randomUUID(), body, createdAt: new Date().toISOString(), state: 'sending' };
    conversation.pending.push(row);
    conversation.presence.sent();
    conversation.newAfterSeq = Infinity;
    this.onChange();
    this.#enqueue(conversation, row);
  }

  /** Says that one is writing, if it is time to. Nobody misses it if it fails. */
  typing(conversation) {
    if (conversation.recipient || !conversation.presence.isDue) return;
    this.session.ask(TYPING, { input: { conversationId: conversation.id } }).catch(() => {});
  }

  /** The line is back: who is online is told anew. */
  forgetPresence() {
    for (const { presence } of this.conversations.values()) presence.forget();
    this.onChange();
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
      if (conversation.recipient && !conversation.movedTo) this.#move(conversation, sendMessage.conversation);
      this.discard(conversation, row);
      this.#keep(this.conversations.get(sendMessage.conversation.id) ?? conversation, sendMessage.message);
    } catch (error) {
      row.state = 'failed';
      row.problem = error.message;
    }
    this.onChange();
  }

  // Messages have the same idempotencyKey each time: however often one is tried, it is sent once.
  async #patiently(ask, most = 5) {
    for (let tries = 1, wait = 500; ; tries++, wait = Math.min(wait * 2, 8000)) {
      try {
        return await ask();
      } catch (error) {
        if (!error.isPassing || tries === most) throw error;
        await new Promise((resume) => setTimeout(resume, wait));
      }
    }
  }

  // The first message has made the conversation, which the feed may have told already: go on in it.
  #move(draft, made) {
    draft.movedTo = made.id;
    if (!this.conversations.has(made.id)) this.#put(made);
    this.conversations.get(made.id).pending = draft.pending;
    this.conversations.delete(draft.id);
    this.onMoved(draft.id, made.id);
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

  /** Moves the read position to the newest message of somebody else that is shown; the feed tells what comes of it. */
  async markRead(conversation) {
    const others = [...conversation.messages.values()].filter((message) => !message.isMine);
    const throughSeq = Math.max(0, ...others.map((message) => message.seq));
    if (conversation.recipient || throughSeq <= Math.max(conversation.readThroughSeq, conversation.readingSeq)) return;
    conversation.readingSeq = throughSeq;
    try {
      await this.session.ask(MARK_READ, { input: { conversationId: conversation.id, throughSeq } });
    } catch {
      conversation.readingSeq = 0;
    }
  }

  #trouble(error) {
    this.problem = error.message;
    this.onChange();
  }
}

// The later of two messages, or the later state of one. There may be none.
function newer(a, b) {
  if (!a || !b) return a ?? b;
  return b.seq > a.seq || (b.seq === a.seq && b.version >= a.version) ? b : a;
}

function blank() {
  return {
    messages: new Map(), pending: [], sending: Promise.resolve(), draft: '', otherMembers: [], lastMessage: null,
    unreadCount: 0, readThroughSeq: 0, lowestSeq: Infinity, olderAfter: null, isLoaded: false, loading: null,
    newAfterSeq: Infinity, readingSeq: 0, presence: new Presence(),
  };
}
