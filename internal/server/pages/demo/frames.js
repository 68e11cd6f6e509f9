// The drawer that shows what goes over the line: the last frames of both transports, newest first.
import { nameOf } from './documents.js';
import { byId, el, keyed } from './dom.js';

const KEPT = 100;
const SECRET = /^(authorization|accessToken|refreshToken)$/;
const mask = (key, value) => (SECRET.test(key) && value ? '•••' : value);

export class FramesView {
  #frames = [];
  #count = 0;
  #heartbeats = 0;

  constructor({ onCut }) {
    byId('frames-toggle').onclick = () => this.#toggle(byId('frames').hidden);
    byId('frames-close').onclick = () => {
      this.#toggle(false);
      byId('frames-toggle').focus();
    };
    byId('cut').onclick = onCut;
    byId('frames').addEventListener('keydown', (key) => key.key === 'Escape' && byId('frames-close').click());
  }

  #toggle(show) {
    byId('frames').hidden = !show;
    byId('frames-toggle').ariaExpanded = String(show);
    byId('app').classList.toggle('with-frames', show);
    this.#render();
  }

  /** Notes a frame of the socket. */
  socket(way, frame) {
    if (frame.type === 'ping' || frame.type === 'pong') {
      this.#heartbeats++;
      return this.#render();
    }
    const update = Object.values(frame.payload?.data ?? {})[0]?.__typename;
    const { query, variables } = frame.payload ?? {};
    const what = query && `${nameOf(query)}${variables.after ? ' after a cursor' : ''}`;
    this.note('WS', way, [frame.type, frame.id && `#${frame.id}`, update ?? what].filter(Boolean).join(' '), frame);
  }

  note(via, way, name, payload) {
    const text = JSON.stringify(payload, mask, 2);
    const time = new Date().toLocaleTimeString(undefined, { hour12: false });
    this.#frames.unshift({ key: String(++this.#count), mark: '', via, way, name, text, time });
    this.#frames.length = Math.min(this.#frames.length, KEPT);
    this.#render();
  }

  #render() {
    if (byId('frames').hidden) return;
    byId('heartbeats').textContent = this.#heartbeats ? `Pings and pongs: ${this.#heartbeats}.` : '';
    keyed(byId('frame-list'), this.#frames, (frame) => row(frame));
  }
}

function row({ via, way, name, text, time }) {
  const pre = el('pre', { tabIndex: 0 });
  const details = el(
    'details',
    { class: `frame ${way}` },
    el(
      'summary',
      {},
      el('span', { class: 'way', title: way === 'out' ? 'sent' : 'received', textContent: way === 'out' ? '↑' : '↓' }),
      el('span', { class: 'via', textContent: via }),
      el('span', { class: 'name', textContent: name }),
      el('time', { textContent: time }),
    ),
    pre,
  );
  details.ontoggle = () => (pre.textContent = text);
  return el('li', {}, details);
}
