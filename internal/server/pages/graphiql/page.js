// Starts GraphiQL: who is signed in by the cookie, the four tabs with one of their conversations, and
// a fetcher whose subscriptions go over our own socket, which resumes them by cursor.
import { Socket } from './socket.js';
import { defaultTabs } from './tabs.js';

const { React, ReactDOM, GraphiQL } = window;
const byId = (id) => document.getElementById(id);

async function ask(query, variables) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()).data;
}

async function findOut() {
  try {
    const data = await ask('{ viewer { profile { username displayName } inbox(first: 1) { nodes { id title } } } }');
    return { answered: true, me: data?.viewer?.profile, conversation: data?.viewer?.inbox.nodes[0] };
  } catch {
    return { answered: false };
  }
}

function showWho({ answered, me }) {
  if (!answered) byId('who').textContent = 'The API does not answer. Reload when the server is up.';
  else if (me) byId('who').textContent = `Signed in as ${me.displayName} (@${me.username})`;
  else byId('who').textContent = 'Not signed in.';
  const people = byId('people');
  if (!people && answered && !me) byId('who').textContent += ' A token goes into the Headers tab: {"authorization": "Bearer …"}';
  if (!people || !answered) return;
  people.hidden = false;
  if (me) byId('people-label').textContent = 'Switch to';
  for (const link of people.querySelectorAll('a')) link.hidden = link.dataset.username === me?.username;
}

// Each person's tabs are kept apart, so that nobody finds the ids of somebody else's conversation.
function storageOf(username = '') {
  const name = (key) => `convene:${username}:${key}`;
  return {
    getItem: (key) => localStorage.getItem(name(key)),
    setItem: (key, value) => localStorage.setItem(name(key), value),
    removeItem: (key) => localStorage.removeItem(name(key)),
    clear: () => localStorage.clear(),
    get length() {
      return localStorage.length;
    },
  };
}

// Tabs of an earlier visit stay as they are, unless the conversation they were made for is gone (the
// demo's data was reset) or they were made before there was one.
async function prepare(storage, { conversation }) {
  const known = storage.getItem('conversation');
  const answer = known && (await ask('query($id: ID!) { conversation(id: $id) { id } }', { id: known }).catch(() => null));
  const outdated = known ? answer && !answer.conversation : conversation;
  if (storage.getItem('graphiql:tabState') && !outdated) return;
  const [first] = defaultTabs(conversation?.id);
  storage.removeItem('graphiql:tabState');
  storage.setItem('graphiql:query', first.query);
  // GraphiQL 4 opens the first of its default tabs without its variables, unless it finds them here.
  storage.setItem('graphiql:variables', first.variables);
  if (conversation) storage.setItem('conversation', conversation.id);
}

function showLine({ name, retryAt, reason }) {
  const words = {
    connecting: 'socket: connecting…',
    live: 'socket: live',
    waiting: `socket: lost, back in ${Math.max(1, Math.round((retryAt - Date.now()) / 1000))} s`,
    closed: `socket: closed (${reason})`,
  };
  byId('line').textContent = words[name] ?? '';
}

// The Headers tab's authorization goes over HTTP as it is, and opens a socket of its own.
const fetchers = new Map();
function fetcherFor(authorization) {
  if (!fetchers.has(authorization)) {
    const wsClient = new Socket({ authorization: async () => authorization, onState: showLine });
    fetchers.set(authorization, GraphiQL.createFetcher({ url: '/graphql', wsClient }));
  }
  return fetchers.get(authorization);
}

function fetcher(params, options) {
  const named = Object.entries(options?.headers ?? {}).find(([name]) => name.toLowerCase() === 'authorization');
  return fetcherFor(named?.[1])(params, options);
}

const found = await findOut();
showWho(found);
const storage = storageOf(found.me?.username);
await prepare(storage, found);
ReactDOM.createRoot(byId('graphiql')).render(
  React.createElement(
    GraphiQL,
    { fetcher, storage, defaultTabs: defaultTabs(found.conversation?.id), shouldPersistHeaders: false },
    React.createElement(GraphiQL.Logo, null, 'Convene'),
  ),
);
