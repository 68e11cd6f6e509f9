// Puts the demo chat together: signs in, opens the socket, and connects what is known with what is shown.
import { Chat } from './chat.js';
import { avatar, byId } from './dom.js';
import { FramesView } from './frames.js';
import { InboxView } from './inbox.js';
import { Session } from './session.js';
import { Socket } from './socket.js';
import { ThreadView } from './thread.js';

const as = new URLSearchParams(location.search).get('as');
const openId = () => decodeURIComponent(location.hash.slice(1));
const isWide = matchMedia('(min-width: 46rem)');

function showWelcome(note) {
  if (note) byId('welcome-note').textContent = note;
  byId('app').hidden = true;
  byId('welcome').hidden = false;
}

const pause = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

async function start() {
  byId('app').hidden = false;
  const frames = new FramesView({ onCut: () => socket.cut(5000) });
  const session = new Session(as, {
    onFrame: (...frame) => frames.note(...frame),
    onRenewed: (authorization) => socket.refresh(authorization),
    onReset: () => location.reload(),
  });
  const line = lineView();
  const socket = new Socket({
    authorization: () => session.authorization(),
    // 4403: the token has ended. 4401: it is not accepted at all, for example since the data was reset.
    onRefused: async (code) => {
      await (code === 4403 ? session.renew() : session.signIn());
      return true;
    },
    onFrame: (way, frame) => frames.socket(way, frame),
    onState: (state) => {
      line(state);
      if (state.name === 'live') chat.forgetPresence();
      // What could not be fetched while the line was away.
      if (state.name === 'live' && chat.open && !chat.open.isLoaded) chat.show(openId());
    },
  });

  let queued = false;
  const chat = new Chat({
    session,
    socket,
    isReading: (conversation) => thread.isReading(conversation),
    onMoved: (from, to) => openId() === from && replaceHash(to),
    // However much changes at once, the page is drawn once.
    onChange: () => {
      if (queued) return;
      queued = true;
      queueMicrotask(() => {
        queued = false;
        render();
      });
    },
  });
  const inbox = new InboxView(chat);
  const thread = new ThreadView(chat);

  function render() {
    byId('app').classList.toggle('has-open', Boolean(chat.openId));
    inbox.render();
    thread.render();
    const unread = chat.inbox.reduce((sum, c) => sum + chat.unread(c), 0);
    document.title = `${unread ? `(${unread}) ` : ''}${session.me.displayName} · Convene demo`;
  }

  function replaceHash(id) {
    history.replaceState(null, '', `#${id}`);
    chat.show(id);
  }

  for (let wait = 1000; ; wait = Math.min(wait * 2, 15_000)) {
    try {
      showMe(await session.signIn());
      break;
    } catch (error) {
      if (error.code === 'NOT_FOUND') return showWelcome(`${error.message} Choose one of these.`);
      line({ name: 'waiting', retryAt: Date.now() + wait, reason: error.message });
      await pause(wait);
    }
  }

  await chat.start();
  addEventListener('hashchange', () => chat.show(openId()));
  if (!openId() && isWide.matches && chat.inbox.length > 0) replaceHash(chat.inbox[0].id);
  else await chat.show(openId());
}

function showMe({ displayName, username }) {
  byId('me-name').textContent = displayName;
  byId('me-name').before(avatar({ displayName, username }));
  for (const link of document.querySelectorAll('[data-username]')) link.parentElement.hidden = link.dataset.username === username;
}

// The state of the connection, with a countdown while it is away.
function lineView() {
  let timer = 0;
  return function show(state) {
    clearTimeout(timer);
    const seconds = state.retryAt ? Math.ceil((state.retryAt - Date.now()) / 1000) : 0;
    const words = {
      idle: 'idle',
      connecting: 'connecting…',
      live: 'live',
      waiting: 'reconnecting',
      closed: `disconnected: ${state.reason}`,
    };
    if (byId('line-state').textContent !== words[state.name]) byId('line-state').textContent = words[state.name];
    byId('line-in').textContent = seconds > 0 ? ` in ${seconds} s` : '';
    byId('line').className = `line ${state.name}`;
    if (seconds > 0) timer = setTimeout(show, 1000, state);
  };
}

// The menu closes when one clicks elsewhere or presses Escape.
const menu = byId('who');
document.addEventListener('click', ({ target }) => menu.contains(target) || (menu.open = false));
menu.addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape') return;
  menu.open = false;
  menu.querySelector('summary').focus();
});

if (as) start();
else showWelcome();
