// What a suite of rules is: each has a sentence and a function that throws if the rule does not hold.

import assert from 'node:assert/strict'

/** A Suite runs its rules side by side and remembers how each went. */
export class Suite {
  constructor(name) {
    Object.assign(this, { name, rules: [], results: [] })
  }

  /** rule adds one; its function gets the node. */
  rule(sentence, check) {
    this.rules.push({ sentence, check })
  }

  async run(node) {
    const results = await Promise.all(
      this.rules.map(async ({ sentence, check }) => {
        try {
          await within(60_000, check(node))
          return { node: node.name, sentence, status: 'ok' }
        } catch (problem) {
          return { node: node.name, sentence, status: 'FAILED', why: String(problem.stack ?? problem) }
        }
      }),
    )
    this.results.push(...results)
  }

  /** print prints the table, and answers how many rules do not hold. */
  print() {
    console.log(`\n${this.name}\n`)
    const nodes = [...new Set(this.results.map((r) => r.node))].sort()
    const sentences = [...new Set(this.results.map((r) => r.sentence))]
    const width = Math.max(...sentences.map((s) => s.length))
    console.log(`  ${''.padEnd(width)}  ${nodes.join('  ')}`)
    for (const sentence of sentences) {
      const cells = nodes.map((name) => {
        const result = this.results.find((r) => r.node === name && r.sentence === sentence)
        return (result?.status ?? '-').padEnd(name.length)
      })
      console.log(`  ${sentence.padEnd(width)}  ${cells.join('  ')}`)
    }
    const failed = this.results.filter((r) => r.status === 'FAILED')
    for (const { node, sentence, why } of failed) console.log(`\n  ${node}: ${sentence}\n    ${why.replaceAll('\n', '\n    ')}`)
    const excused = this.results.filter((r) => r.status === 'excused')
    for (const why of new Set(excused.map((r) => r.why))) console.log(`\n  excused: ${why}`)
    console.log(`\n  ${this.results.length - failed.length - excused.length} ok, ${excused.length} excused, ${failed.length} failed`)
    return failed.length
  }
}

/** plain is a result without its extensions: what a server says beside the answer is its own affair. */
export const plain = ({ extensions, ...result }) => result

/** within fails a promise that takes too long. */
export async function within(ms, promise) {
  let timer
  const late = new Promise((_, reject) => {
    const error = new Error(`nothing came within ${ms} ms`)
    timer = setTimeout(() => reject(error), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A Queue hands on what comes, in order, to who waits for it. */
export class Queue {
  #items = []
  #waiting = []

  push(item) {
    const next = this.#waiting.shift()
    if (next) next(item)
    else this.#items.push(item)
  }

  next(ms = 20_000) {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift())
    return within(ms, new Promise((resolve) => this.#waiting.push(resolve)))
  }
}

export { assert }
