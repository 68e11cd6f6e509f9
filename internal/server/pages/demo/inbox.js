// The list of conversations.
import { avatar, byId, el, keyed, shortTime } from './dom.js';

export class InboxView {
  constructor(chat) {
    this.chat = chat;
    byId('inbox-more').onclick = () => chat.loadInbox({ more: true }).catch(() => {});
    byId('new').addEventListener('click', ({ target }) => target.matches('a') && (byId('new').open = false));
  }

  render() {
    const { chat } = this;
    const rows = chat.inbox.map((c) => {
      const unread = chat.unread(c);
      const shown = [c.title, c.lastMessage, unread, c.id === chat.openId, new Date().getDate()];
      return { key: c.id, mark: JSON.stringify(shown), conversation: c, unread };
    });
    keyed(byId('inbox-list'), rows, ({ conversation, unread }) => this.#row(conversation, unread));
    byId('inbox-more').hidden = !chat.moreAfter;
  }

  #row({ id, title, otherMembers, lastMessage }, unread) {
    const isOpen = id === this.chat.openId;
    const count = unread > 99 ? '99+' : String(unread);
    const link = el(
      'a',
      { class: 'conversation', href: `#${id}` },
      avatar(otherMembers[0]),
      el('span', { class: 'title', textContent: title }),
      el('time', { textContent: lastMessage ? shortTime(lastMessage.createdAt) : '' }),
      el('span', { class: 'last', textContent: excerpt(lastMessage, otherMembers.length > 1) }),
      unread > 0 &&
        el('span', { class: 'unread' }, count, el('span', { class: 'unseen', textContent: ' unread messages' })),
    );
    if (isOpen) link.ariaCurrent = 'page';
    return el('li', { class: unread > 0 ? 'has-unread' : '' }, link);
  }
}

function excerpt(message, isGroup) {
  if (!message) return '';
  const text = message.isDeleted ? 'deleted' : message.body;
  if (message.isMine) return `You: ${text}`;
  return isGroup && message.author ? `${message.author.displayName}: ${text}` : text;
}
