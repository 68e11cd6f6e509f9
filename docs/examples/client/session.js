// Where somebody is signed in: two tokens, the next ones in time, and requests that survive a bad line.

import { REFRESH, SIGN_IN } from './operations.js'

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** @typedef {{ accessToken: string | null, refreshToken: string | null, expiresAt: string }} Tokens */

/** Thrown when nothing but signing in again helps. */
export class SessionEnded extends Error {}

export class Session {
  /** @type {Tokens} */
  #tokens
  /** @type {Promise<void> | undefined} */
  #refreshing

  /**
   * @param {string} url of /graphql
   * @param {Tokens} tokens as signIn or a store gave them
   * @param {(tokens: Tokens) => void} keep puts new tokens where they outlive the app
   */
  constructor(url, tokens, keep = () => {}) {
    this.url = url
    this.#tokens = tokens
    this.keep = keep
  }

  /** @param {string} url @param {string} login @param {string} password */
  static async signIn(url, login, password) {
    const { signIn } = await post(url, SIGN_IN, { input: { login, password } })
    if (!signIn.session) throw new Error(signIn.userErrors[0].message)
    return new Session(url, signIn.session)
  }

  /** token is an access token with a minute left at least. */
  async token() {
    while (Date.parse(this.#tokens.expiresAt) - Date.now() < 60_000) {
      this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined))
      await this.#refreshing
    }
    return this.#tokens.accessToken
  }

  /** distrust has the next token be a new one: the server did not take this one. */
  distrust() {
    this.#tokens = { ...this.#tokens, expiresAt: new Date(0).toISOString() }
  }

  /**
   * request executes a query or a mutation. It may be sent several times: give mutations an idempotencyKey.
   *
   * @template R, V
   * @param {import('./operations.js').Operation<R, V>} operation
   * @param {V} variables
   * @returns {Promise<R>}
   */
  async request(operation, variables) {
    try {
      return await post(this.url, operation, variables, await this.token())
    } catch (problem) {
      if (problem.code !== 'UNAUTHENTICATED') throw problem
      this.distrust()
      return post(this.url, operation, variables, await this.token())
    }
  }

  async #refresh() {
    const { refreshSession } = await post(this.url, REFRESH, { input: { refreshToken: this.#tokens.refreshToken ?? '' } })
    if (!refreshSession.session) throw new SessionEnded(refreshSession.userErrors[0].message)
    this.keep((this.#tokens = refreshSession.session))
  }
}

/** isPassing tells whether errors of an answer go away by themselves: the same request is worth another try. */
export const isPassing = (errors) =>
  Array.isArray(errors) && ['UNAVAILABLE', 'TIMEOUT', 'RATE_LIMITED'].includes(errors[0]?.extensions?.code)

/** pause waits before the next try: a second at first and half a minute at last, and not everybody equally long. */
export const pause = (tries) => sleep(Math.min(2 ** tries, 30) * 1000 * (0.5 + Math.random()))

/**
 * @template R, V
 * @param {string} url
 * @param {import('./operations.js').Operation<R, V>} query
 * @param {V} variables
 * @param {string | null} [token]
 * @returns {Promise<R>}
 */
async function post(url, query, variables, token) {
  for (let tries = 0; ; tries++) {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/graphql-response+json, application/json',
        ...(token && { Authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(35_000),
    }).catch(() => null)
    const answer = await response?.json().catch(() => null)
    if (answer && !answer.errors) return answer.data

    if (answer && !isPassing(answer.errors)) {
      const [{ message, extensions }] = answer.errors
      throw Object.assign(new Error(message), { code: extensions?.code })
    }
    const wanted = Number(response?.headers.get('Retry-After'))
    await (wanted ? sleep(wanted * 1000) : pause(tries))
  }
}
