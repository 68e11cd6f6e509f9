// Writes operations.d.ts: the types of what each operation of operations.js takes and answers.

import { readFileSync, writeFileSync } from 'node:fs'

import { codegen } from '@graphql-codegen/core'
import * as typescript from '@graphql-codegen/typescript'
import * as operations from '@graphql-codegen/typescript-operations'
import { parse } from 'graphql'

import * as texts from './operations.js'

const at = (name) => new URL(name, import.meta.url)

const types = await codegen({
  filename: 'operations.d.ts',
  schema: parse(readFileSync(at('../../../graph/generated/schema.graphqls'), 'utf8')),
  documents: Object.entries(texts).map(([location, text]) => ({ location, document: parse(text) })),
  config: {
    scalars: { DateTime: 'string', ID: 'string' },
    enumsAsTypes: true,
    futureProofEnums: true, // enums may grow
    onlyOperationTypes: true,
    skipTypename: true,
    avoidOptionals: { field: true },
  },
  plugins: [{ typescript: {} }, { operations: {} }],
  pluginMap: { typescript, operations },
})

const constants = Object.entries(texts).map(([name, text]) => {
  const [kind, operation] = text.split(/[ (]/)
  const root = kind[0].toUpperCase() + kind.slice(1)
  return `export declare const ${name}: Operation<${operation}${root}, ${operation}${root}Variables>`
})

writeFileSync(
  at('operations.d.ts'),
  `// Made by generate.js from operations.js and the schema.

${types.trim()}

/** The text of an operation, which knows what it answers and takes. */
export type Operation<Result, Variables> = string & { readonly __answers?: (variables: Variables) => Result }

${constants.join('\n')}
`,
)
