// One demo person signed in with bearer tokens, which live in this tab only: so that two tabs can be two
// people. Keeps the access token fresh, and asks the API.
import { REFRESH, nameOf } from './documents.js';

const PATIENCE = 15_000;

/** A top-level error of the API, or no answer at all (code UNREACHABLE). */
export class ApiError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }

  /** Whether the same request may succeed a little later. */
  get isPassing() {
    return ['UNREACHABLE', 'UNAVAILABLE', 'TIMEOUT', 'RATE_LIMITED'].includes(this.code);
  }
}

export class Session {
  #as;
  #tokens = null;
  #freshUntil = 0;
  #renewing = null;
  #timer = 0;

  /**
   * @param {string} as the username of a demo person
   * @param {{onFrame: Function, onRenewed: (authorization: string) => void, onReset: () => void}} hooks
   *   onReset: the person is another one now, the demo's data has been made anew
   */
  constructor(as, hooks) {
    this.#as = as;
    this.hooks = hooks;
  }

  /** Signs in through the development route; answers who that is. */
  async signIn() {
    const { body, status, serverTime } = await this.#post('/dev/session', { as: this.#as }, 'sign in');
    if (status === 400 || status === 404) throw new ApiError(`There is no demo person “${this.#as}”.`, 'NOT_FOUND');
    if (!body.accessToken) throw new ApiError('Signing in did not work.', 'UNAVAILABLE');
    const before = this.me;
    this.me = { id: body.profileId, username: body.username, displayName: body.displayName };
    this.#keep(body, serverTime);
    if (before && before.id !== this.me.id) this.hooks.onReset();
    return this.me;
  }

  /** A new access token; where the session has ended, a new session. One at a time. */
  renew() {
    this.#renewing ??= this.#renew().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #renew() {
    const input = { refreshToken: this.#tokens?.refreshToken };
    const { body, serverTime } = await this.#post('/graphql', { query: REFRESH, variables: { input } }, 'Refresh');
    const session = body.data?.refreshSession?.session;
    if (session) this.#keep(session, serverTime);
    else if (this.#errorOf(body)?.isPassing) throw this.#errorOf(body);
    else await this.signIn();
    this.hooks.onRenewed(`Bearer ${this.#tokens.accessToken}`);
  }

  /** The value of the Authorization header, renewed first if it is about to end. */
  async authorization() {
    if (this.#renewing || Date.now() > this.#freshUntil) await this.renew();
    return `Bearer ${this.#tokens.accessToken}`;
  }

  /** Asks the API; answers `data` or throws an ApiError. */
  async ask(query, variables) {
    let body = await this.#request(query, variables);
    if (this.#errorOf(body)?.code === 'UNAUTHENTICATED') {
      await this.renew();
      body = await this.#request(query, variables);
    }
    const error = this.#errorOf(body);
    if (error) throw error;
    return body.data;
  }

  async #request(query, variables) {
    const authorization = await this.authorization();
    return (await this.#post('/graphql', { query, variables }, nameOf(query), { authorization })).body;
  }

  #errorOf(body) {
    const error = body?.errors?.[0];
    return error && new ApiError(error.message, error.extensions?.code ?? 'INTERNAL');
  }

  async #post(path, payload, name, headers = {}) {
    this.hooks.onFrame('HTTP', 'out', name, payload);
    let body;
    let response;
    try {
      response = await fetch(path, {
        method: 'POST',
        credentials: 'omit',
        headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
        body: JSON.stringify(payload),
        signal: AbortSignal.timeout(PATIENCE),
      });
      const text = await response.text();
      if (response.status >= 500 && !text.startsWith('{')) throw new Error(`status ${response.status}`);
      body = text.startsWith('{') ? JSON.parse(text) : { text };
    } catch (error) {
      this.hooks.onFrame('HTTP', 'in', name, { failed: error.message });
      throw new ApiError('The server does not answer.', 'UNREACHABLE');
    }
    this.hooks.onFrame('HTTP', 'in', name, body);
    return { body, status: response.status, serverTime: Date.parse(response.headers.get('date')) || Date.now() };
  }

  // Counted from the server's clock, since this device's may be wrong.
  #keep({ accessToken, refreshToken, expiresAt }, serverTime) {
    this.#tokens = { accessToken, refreshToken };
    const lifetime = Math.max(10_000, Date.parse(expiresAt) - serverTime);
    this.#freshUntil = Date.now() + lifetime * 0.9;
    this.#renewIn(lifetime * 0.8);
  }

  #renewIn(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.renew().catch(() => this.#renewIn(5000)), milliseconds);
  }
}
