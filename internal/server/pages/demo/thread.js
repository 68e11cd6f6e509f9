// The open conversation: its messages, what can be done with one's own, and the composer.
import { byId, dayName, el, keyed, timeOfDay } from './dom.js';
import { messageRow, pendingRow } from './message.js';
import { typingText } from './presence.js';

const NEAR_END = 80;
const APART = 5 * 60_000;

export class ThreadView {
  #shown = undefined;
  #menuFor = '';
  #editing = '';
  #confirming = '';
  #note = '';
  #focus = null;
  #newest = '';
  #wasAtEnd = true;

  constructor(chat) {
    this.chat = chat;
    this.scroll = byId('scroll');
    this.list = byId('messages');
    this.text = byId('text');
    byId('older').onclick = () => chat.loadOlder(chat.open)?.catch((error) => this.#say(error.message));
    byId('to-end').onclick = () => this.#toEnd();
    byId('composer').onsubmit = (submit) => {
      submit.preventDefault();
      this.#send();
    };
    this.text.oninput = () => {
      this.#fit();
      if (chat.open && this.text.value.trim()) chat.typing(chat.open);
    };
    // On a touch keyboard Enter has to make a new line: there is no Shift to hold.
    const isTouch = matchMedia('(pointer: coarse)').matches;
    this.text.onkeydown = (key) => {
      if (key.key !== 'Enter' || key.shiftKey || key.isComposing || isTouch) return;
      key.preventDefault();
      this.#send();
    };
    this.list.addEventListener('keydown', (key) => key.key === 'Escape' && this.#settle());
    this.scroll.addEventListener('scroll', () => this.#reached(), { passive: true });
    document.addEventListener('visibilitychange', () => this.#reached());
    // The keyboard of a phone, or a window that is made smaller, must not hide the newest message.
    new ResizeObserver(() => this.#wasAtEnd && this.#toEnd()).observe(this.scroll);
  }

  get #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroll;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  /** Whether a new message of this conversation is seen as it comes. */
  isReading(conversation) {
    return conversation === this.chat.open && conversation.isLoaded && !document.hidden && this.#wasAtEnd;
  }

  render() {
    const conversation = this.chat.open;
    byId('nothing').hidden = Boolean(conversation);
    byId('nothing').textContent = this.chat.problem || 'Choose a conversation.';
    for (const id of ['thread-head', 'scroll', 'typing', 'composer']) byId(id).hidden = !conversation;
    if (!conversation) byId('to-end').hidden = true;
    if (this.#shown !== conversation) this.#change(conversation);
    const note = conversation ? this.chat.problem || this.#note : '';
    byId('note').textContent = note;
    byId('note').hidden = !note;
    if (!conversation) return;

    byId('thread-title').textContent = conversation.title;
    const { presence, otherMembers } = conversation;
    const members = otherMembers.map((m) => ({ key: m.id, mark: `${m.username} ${presence.isOnline(m)}`, member: m }));
    keyed(byId('thread-members'), members, ({ member }) => memberMark(member, presence.isOnline(member)));
    const typing = typingText(presence.typing);
    if (byId('typing').textContent !== typing) byId('typing').textContent = typing;
    byId('older').hidden = !conversation.olderAfter;
    byId('older').disabled = Boolean(conversation.loading);
    this.scroll.ariaBusy = String(Boolean(conversation.loading));

    const hadFirst = this.list.firstElementChild?.nextElementSibling?.dataset.key;
    const height = this.scroll.scrollHeight;
    keyed(this.list, this.#rows(conversation), (row) => row.make());
    const grewAbove = hadFirst && this.list.firstElementChild?.nextElementSibling?.dataset.key !== hadFirst;
    if (this.#wasAtEnd) this.#toEnd();
    else if (grewAbove) this.scroll.scrollTop += this.scroll.scrollHeight - height;
    const newest = this.list.lastElementChild?.dataset.key;
    if (!this.#wasAtEnd && this.#newest && newest !== this.#newest) byId('to-end').hidden = false;
    this.#newest = newest;
    this.#restoreFocus();
    this.#reached();
  }

  // Another conversation is shown: keep what was being written in the one before.
  #change(conversation) {
    const before = this.#shown;
    if (before) before.draft = this.text.value;
    // A draft that its first message has turned into a conversation hands over what is being written.
    const draft = conversation?.draft || (before?.movedTo && before.movedTo === conversation?.id ? before.draft : '');
    this.#shown = conversation;
    this.#newest = '';
    this.#menuFor = this.#editing = this.#confirming = this.#note = '';
    this.#wasAtEnd = true;
    byId('to-end').hidden = true;
    this.text.value = draft;
    this.list.replaceChildren();
    this.#fit();
    if (conversation && matchMedia('(pointer: fine)').matches) this.text.focus();
  }

  #rows(conversation) {
    const rows = [];
    let before = null;
    let divided = false;
    const messages = [...conversation.messages.values()].sort((a, b) => a.seq - b.seq);
    for (const message of messages) {
      before = this.#divide(rows, before, message.createdAt);
      if (!divided && message.seq > conversation.newAfterSeq && !message.isMine) {
        divided = true;
        before = null;
        rows.push({ key: 'new', mark: '', make: () => el('li', { class: 'divider new', textContent: 'New' }) });
      }
      const follows = before && before.author?.id === message.author?.id && Date.parse(message.createdAt) - Date.parse(before.createdAt) < APART;
      rows.push(this.#messageRow(conversation, message, Boolean(follows)));
      before = message;
    }
    for (const row of conversation.pending) {
      this.#divide(rows, before, row.createdAt);
      before = row;
      const doing = { retry: () => this.chat.retry(conversation, row), discard: () => this.chat.discard(conversation, row) };
      rows.push({ key: row.key, mark: row.state, make: () => pendingRow(row, doing) });
    }
    if (rows.length === 0 && conversation.isLoaded) {
      rows.push({ key: 'empty', mark: '', make: () => el('li', { class: 'divider', textContent: 'Nothing yet. Write the first message.' }) });
    }
    return rows;
  }

  #divide(rows, before, createdAt) {
    const day = dayName(createdAt);
    if (before && dayName(before.createdAt) === day) return before;
    rows.push({ key: `day ${day}`, mark: '', make: () => el('li', { class: 'divider', textContent: day }) });
    return null;
  }

  #messageRow(conversation, message, follows) {
    const { id } = message;
    const show = {
      follows,
      withName: conversation.otherMembers.length > 1,
      isEditing: this.#editing === id,
      hasMenu: this.#menuFor === id,
      isConfirming: this.#confirming === id,
    };
    const doing = {
      menu: () => this.#settle({ menuFor: this.#menuFor === id ? '' : id }, id, '.more'),
      edit: () => this.#settle({ editing: id }, id, 'textarea'),
      cancel: () => this.#settle({}, id, '.more'),
      remove: async () => {
        if (this.#confirming !== id) return this.#settle({ menuFor: id, confirming: id }, id, '.danger');
        this.#settle();
        this.#say(await this.chat.remove(conversation, message));
      },
      save: async (body) => {
        const problem = body === message.body ? '' : await this.chat.edit(conversation, message, body);
        this.#settle({}, id, '.more');
        this.#say(problem);
      },
    };
    // While it is being edited nothing else may replace the field under the person's hands.
    const mark = show.isEditing ? 'editing' : JSON.stringify([message, show]);
    return { key: id, mark, make: () => messageRow(message, show, doing, timeOfDay) };
  }

  #settle({ menuFor = '', editing = '', confirming = '' } = {}, id = '', selector = '') {
    this.#menuFor = menuFor;
    this.#editing = editing;
    this.#confirming = confirming;
    this.#note = '';
    this.#focus = id ? { id, selector } : null;
    this.chat.onChange();
  }

  #restoreFocus() {
    if (!this.#focus) return;
    const { id, selector } = this.#focus;
    this.#focus = null;
    this.list.querySelector(`[data-key="${CSS.escape(id)}"] ${selector}`)?.focus();
  }

  #say(note) {
    this.#note = note || '';
    this.chat.onChange();
  }

  #send() {
    const body = this.text.value.trim();
    if (!body || !this.chat.open) return;
    this.text.value = '';
    this.#fit();
    this.#wasAtEnd = true;
    this.chat.send(this.chat.open, body);
    this.text.focus();
  }

  #fit() {
    this.text.style.height = 'auto';
    this.text.style.height = `${Math.min(this.text.scrollHeight + 2, 160)}px`;
  }

  #toEnd() {
    this.scroll.scrollTop = this.scroll.scrollHeight;
    this.#reached();
  }

  #reached() {
    this.#wasAtEnd = this.#isAtEnd;
    if (!this.#wasAtEnd) return;
    byId('to-end').hidden = true;
    const conversation = this.chat.open;
    if (conversation?.isLoaded && !document.hidden && !this.scroll.hidden) this.chat.markRead(conversation);
  }
}

// A member's name, with a dot while they are online.
function memberMark({ username }, isOnline) {
  const dot = isOnline && el('span', { class: 'unseen', textContent: ' (online)' });
  return el('span', { class: isOnline ? 'member online' : 'member' }, `@${username}`, dot);
}
