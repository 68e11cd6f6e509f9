// Live updates by server-sent events, for where a WebSocket does not get through: plain fetch, a request each.

import { isPassing, pause } from './session.js'

/**
 * subscribe streams a subscription until the signal aborts, and goes on behind the last event that came.
 *
 * @param {import('./session.js').Session} session
 * @param {{ query: string, variables?: object }} request
 * @param {(result: any) => void} next
 * @param {AbortSignal} signal
 */
export async function subscribe(session, request, next, signal) {
  for (let tries = 0, last = ''; !signal.aborted; await pause(tries++)) {
    const response = await fetch(session.url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'text/event-stream',
        Authorization: `Bearer ${await session.token()}`,
        ...(last && { 'Last-Event-ID': last }),
      },
      body: JSON.stringify(request),
      signal,
    }).catch(() => null)
    if (response?.status === 401) session.distrust()
    if (!response?.ok) continue
    for await (const { event, id, data } of eventsOf(response.body)) {
      if (event === 'complete') return // a line that breaks does not say so
      const result = JSON.parse(data)
      if (isPassing(result.errors)) break
      next(result)
      last = id ?? last
      tries = 0
    }
  }
}

/** eventsOf reads events until the line breaks. What begins with a colon only keeps the line open. */
async function* eventsOf(body) {
  let text = ''
  try {
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      const blocks = (text + chunk).split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const fields = block.split('\n').filter((line) => line && !line.startsWith(':'))
        if (fields.length > 0) yield Object.fromEntries(fields.map((line) => line.split(/: ?(.*)/, 2)))
      }
    }
  } catch {
    // The line broke.
  }
}
