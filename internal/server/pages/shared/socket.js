// One WebSocket that carries any number of subscriptions over graphql-transport-ws, and outlives its
// connections: it comes back by itself, and resumes every subscription behind the last update it got.
//
// `subscribe(payload, sink)` has the shape of graphql-ws's client, so GraphiQL's fetcher takes it as is.
// A subscription resumes if its operation declares `$after` and its updates carry a `cursor`.

/** The address of the API's socket on this page's own host. */
export function socketURL(path = '/graphql') {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

// Closed like this, the same request would be refused again.
const FATAL = new Set([4400, 4401, 4406, 4409, 4429]);
const PING_EVERY = 20_000;
const LONGEST_WAIT = 15_000;

export class Socket {
  #ops = new Map();
  #ws = null;
  #live = false;
  #liveSince = 0;
  #askedAt = 0;
  #heardAt = 0;
  #tries = 0;
  #mending = false;
  #lastId = 0;
  #timer = 0;
  #pulse = 0;
  #heldUntil = 0;

  /**
   * @param {object} options
   * @param {string} [options.url]
   * @param {() => Promise<string|undefined>} [options.authorization] the value to send with
   *   connection_init, asked for anew at each connection; none where the cookie signs in
   * @param {(code: number) => Promise<boolean>} [options.onRefused] after a close with 4401 or 4403:
   *   mend the sign-in and answer whether to come back
   * @param {(state: {name: string, retryAt?: number, reason?: string}) => void} [options.onState]
   *   idle, connecting, live, waiting (until retryAt) or closed (for the reason)
   * @param {(way: 'out'|'in', frame: object) => void} [options.onFrame] sees every frame
   */
  constructor(options = {}) {
    this.options = { url: socketURL(), ...options };
    // A phone that wakes up or finds its network again should not sit out a long wait.
    const hurry = () => {
      if (!document.hidden && this.#timer && Date.now() >= this.#heldUntil) this.#connect();
    };
    addEventListener('online', hurry);
    document.addEventListener('visibilitychange', hurry);
  }

  /** Starts a subscription; the function that it returns ends it. */
  subscribe(payload, sink) {
    const id = String(++this.#lastId);
    const op = { payload, sink, resumes: /\$after\b/.test(payload.query) };
    this.#ops.set(id, op);
    if (this.#live) this.#send({ id, type: 'subscribe', payload });
    else if (!this.#ws && !this.#timer && !this.#mending) this.#connect();
    return () => {
      if (!this.#ops.delete(id)) return;
      if (this.#live) this.#send({ id, type: 'complete' });
      this.#closeIfUnused();
    };
  }

  /** Tells the server of a fresh token, which extends the life of the open connection. */
  refresh(authorization) {
    if (this.#live) this.#send({ type: 'ping', payload: { authorization } });
  }

  /** Cuts the connection and stays away for so long: to see what resuming does. */
  cut(milliseconds) {
    this.#heldUntil = Date.now() + milliseconds;
    if (this.#ws) this.#lost(this.#ws, 'cut on purpose');
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#state({ name: 'connecting' });
    const ws = new WebSocket(this.options.url, 'graphql-transport-ws');
    this.#ws = ws;
    this.#askedAt = Date.now();
    this.#heardAt = 0;
    ws.onopen = async () => {
      try {
        const authorization = await this.options.authorization?.();
        if (ws === this.#ws) this.#send({ type: 'connection_init', payload: authorization ? { authorization } : {} });
      } catch {
        this.#lost(ws, 'could not sign in');
      }
    };
    ws.onmessage = ({ data }) => ws === this.#ws && this.#receive(JSON.parse(data));
    ws.onclose = ({ code, reason }) => this.#lost(ws, reason, code);
    clearInterval(this.#pulse);
    this.#pulse = setInterval(() => {
      // A line that died without a word is noticed only by asking.
      if (this.#askedAt > this.#heardAt) return this.#lost(ws, 'nothing heard');
      this.#askedAt = Date.now();
      this.#send({ type: 'ping' });
    }, PING_EVERY);
  }

  #receive(frame) {
    this.#heardAt = Date.now();
    this.options.onFrame?.('in', frame);
    const op = this.#ops.get(frame.id);
    switch (frame.type) {
      case 'connection_ack':
        this.#live = true;
        this.#liveSince = Date.now();
        this.#state({ name: 'live' });
        for (const [id, { payload }] of this.#ops) this.#send({ id, type: 'subscribe', payload });
        break;
      case 'ping':
        this.#send({ type: 'pong' });
        break;
      case 'next':
        if (!op) break;
        if (op.resumes) this.#remember(op, frame.payload.data);
        op.sink.next(frame.payload);
        break;
      case 'error':
      case 'complete':
        if (!op) break;
        this.#ops.delete(frame.id);
        if (frame.type === 'error') op.sink.error(frame.payload);
        else op.sink.complete();
        this.#closeIfUnused();
        break;
    }
  }

  // The same operation, behind what has been seen: this is what goes out after a reconnect.
  #remember(op, data) {
    const after = Object.values(data ?? {})[0]?.cursor;
    if (!after) return;
    op.payload = { ...op.payload, variables: { ...op.payload.variables, after } };
  }

  #drop(ws) {
    this.#ws = null;
    this.#live = false;
    clearInterval(this.#pulse);
    ws.onopen = ws.onmessage = ws.onclose = null;
    ws.close(1000);
  }

  async #lost(ws, reason, code = 1006) {
    if (ws !== this.#ws) return;
    if (this.#live && Date.now() - this.#liveSince > 5000) this.#tries = 0;
    this.#drop(ws);
    const wait = Math.min(LONGEST_WAIT, 500 * 2 ** this.#tries++) * (0.5 + Math.random() / 2);
    const retryAt = Math.max(Date.now() + wait, this.#heldUntil);
    this.#state({ name: 'waiting', retryAt, reason });

    let comeBack = code === 4403 || !FATAL.has(code);
    if ((code === 4401 || code === 4403) && this.options.onRefused) {
      this.#mending = true;
      // Not being able to ask is no refusal: try again later.
      comeBack = await this.options.onRefused(code).catch(() => true);
      this.#mending = false;
    }
    if (this.#ops.size === 0) return this.#state({ name: 'idle' });
    if (comeBack) {
      this.#timer = setTimeout(() => this.#connect(), Math.max(0, retryAt - Date.now()));
      return;
    }
    const ended = [...this.#ops.values()];
    this.#ops.clear();
    this.#state({ name: 'closed', reason: reason || `code ${code}` });
    for (const op of ended) op.sink.error(new Error(`The server closed the connection: ${code} ${reason}`.trim()));
  }

  #closeIfUnused() {
    if (this.#ops.size > 0 || this.#mending) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#ws) this.#drop(this.#ws);
    this.#state({ name: 'idle' });
  }

  #send(frame) {
    if (this.#ws?.readyState !== WebSocket.OPEN) return;
    this.#ws.send(JSON.stringify(frame));
    this.options.onFrame?.('out', frame);
  }

  #state(state) {
    this.options.onState?.(state);
  }
}
