// Who of a conversation is online, and who is writing something. Its updates say so, without a cursor: nothing of
// this is kept, and it is told anew whenever the line comes back.

const SAY_AGAIN = 4000;

export class Presence {
  #online = new Set();
  #typing = new Map();
  #saidAt = 0;

  /** Takes an update; onLapse is called when it no longer counts. */
  apply(update, onLapse) {
    const { id } = update.profile;
    if (update.__typename === 'PresenceChanged') {
      if (update.isOnline) this.#online.add(id);
      else this.#online.delete(id);
      return;
    }
    this.stopped(id);
    // Five seconds by this device's clock, as it may differ from the server's.
    const lapse = setTimeout(() => {
      this.#typing.delete(id);
      onLapse();
    }, 5000);
    this.#typing.set(id, { name: update.profile.displayName, lapse });
  }

  isOnline = (member) => this.#online.has(member.id);

  /** The names of those who are writing. */
  get typing() {
    return [...this.#typing.values()].map(({ name }) => name);
  }

  /** Their message is there. */
  stopped(id) {
    clearTimeout(this.#typing.get(id)?.lapse);
    this.#typing.delete(id);
  }

  /** The line was away: nobody is known to be there until one is told again. */
  forget() {
    this.#online.clear();
  }

  /** Whether to say that one is writing: now and then, while one goes on. */
  get isDue() {
    if (Date.now() - this.#saidAt < SAY_AGAIN) return false;
    this.#saidAt = Date.now();
    return true;
  }

  /** One has sent it: the next letter begins something new. */
  sent() {
    this.#saidAt = 0;
  }
}

/** What to say of those who are writing. */
export function typingText(names) {
  if (names.length === 0) return '';
  if (names.length > 3) return 'Several people are typing…';
  return `${names.join(' and ')} ${names.length > 1 ? 'are' : 'is'} typing…`;
}
