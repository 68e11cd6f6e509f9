// One message as a row of the list: somebody's, one's own with what can be done to it, or one on its way.
import { avatar, el } from './dom.js';

const button = (label, onclick, className = 'plain') => el('button', { type: 'button', class: className, textContent: label, onclick });

export function messageRow(message, show, doing, timeOfDay) {
  const { isMine, isDeleted, author } = message;
  const classes = ['message', isMine && 'mine', isDeleted && 'deleted', show.follows && 'follows', Date.now() - message.arrivedAt < 500 && 'live'];
  return el(
    'li',
    { class: classes.filter(Boolean).join(' ') },
    !isMine && avatar(author ?? {}),
    show.isEditing ? editor(message, doing) : bubble(message, show, timeOfDay),
    isMine && !isDeleted && !show.isEditing && actions(show, doing),
  );
}

function bubble({ body, isMine, isDeleted, editedAt, author, createdAt }, { follows, withName }, timeOfDay) {
  const name = isMine ? 'You' : (author?.displayName ?? 'Somebody who left');
  return el(
    'div',
    { class: 'bubble' },
    el('p', { class: withName && !isMine && !follows ? 'by' : 'unseen', textContent: name }),
    el('p', { class: 'body', dir: 'auto', textContent: isDeleted ? 'This message was deleted.' : body }),
    el('p', { class: 'meta' }, el('time', { dateTime: createdAt, textContent: timeOfDay(createdAt) }), editedAt && !isDeleted ? ' · edited' : null),
  );
}

function actions({ hasMenu, isConfirming }, doing) {
  const more = button('⋯', doing.menu, 'more');
  more.ariaLabel = 'Change this message';
  more.ariaExpanded = String(hasMenu);
  return el(
    'div',
    { class: 'actions' },
    hasMenu && !isConfirming && button('Edit', doing.edit),
    hasMenu && button(isConfirming ? 'Really delete?' : 'Delete', doing.remove, isConfirming ? 'plain danger' : 'plain'),
    more,
  );
}

function editor({ body }, doing) {
  const text = el('textarea', { value: body, ariaLabel: 'New text', maxLength: 4000, rows: Math.min(8, body.split('\n').length + 1) });
  const form = el(
    'form',
    { class: 'editor' },
    text,
    el('div', { class: 'choices' }, button('Cancel', doing.cancel), el('button', { type: 'submit', class: 'primary', textContent: 'Save' })),
  );
  form.onsubmit = (submit) => {
    submit.preventDefault();
    if (text.value.trim()) doing.save(text.value.trim());
  };
  text.onkeydown = (key) => {
    if (key.key !== 'Enter' || key.shiftKey || key.isComposing || matchMedia('(pointer: coarse)').matches) return;
    key.preventDefault();
    form.requestSubmit();
  };
  return form;
}

export function pendingRow({ body, state, problem }, doing) {
  const failed = state === 'failed';
  return el(
    'li',
    { class: `message mine pending ${state}` },
    el(
      'div',
      { class: 'bubble' },
      el('p', { class: 'unseen', textContent: 'You' }),
      el('p', { class: 'body', dir: 'auto', textContent: body }),
      el('p', { class: 'meta', textContent: failed ? `Not sent: ${problem}` : 'sending…' }),
    ),
    failed && el('div', { class: 'actions' }, button('Try again', doing.retry), button('Discard', doing.discard)),
  );
}
