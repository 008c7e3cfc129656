/**
 * Builds the executable: the server with its pages, its plugins and the runtime in one file. `bun run build`, or
 * `bun run build FILE [TARGET]`; a target is one of the runtime's, such as `bun-linux-arm64`.
 */
import { join, relative } from 'node:path'
import { exports } from '../package.json'

const ROOT = join(import.meta.dir, '..')
/** The program, and its threads. */
const ENTRIES = ['index.ts', 'store/copy-worker.ts', 'store/checkpoint-worker.ts']
const PLACEHOLDER = join(ROOT, 'src/config/embedded.ts')

/** The module with what `PLACEHOLDER` has not. */
function embedded(): string {
  const modules = Object.entries(exports).map(([path, { default: file }]) => ({ path, file }))
  const from = (file: string): string =>
    JSON.stringify(relative(join(PLACEHOLDER, '..'), join(ROOT, file)))
  const names = modules.filter(({ path }) => path !== '.' && path !== './plugin-kit')
  return [
    `import config from ${from('carillon.config.ts')}`,
    ...names.map(({ file }, index) => `import * as module${index} from ${from(file)}`),
    `export const EMBEDDED = { config, modules: {`,
    ...names.map(({ path }, index) => `  ${JSON.stringify(path)}: module${index},`),
    '} }',
  ].join('\n')
}

/** Builds into a file. @throws AggregateError with what the bundler says */
export async function build(outfile: string, target?: string): Promise<void> {
  await Bun.build({
    entrypoints: ENTRIES.map((file) => join(ROOT, 'src', file)),
    compile: {
      outfile,
      ...(target !== undefined && { target: target as Bun.Build.CompileTarget }),
    },
    naming: { entry: '[name].js' }, // where threads are looked for
    format: 'esm',
    bytecode: true, // parsed ahead: half the time of a start
    splitting: true, // a command reads what it needs
    minify: { whitespace: true, syntax: true }, // names stay: errors are read by people
    jsx: { runtime: 'automatic', importSource: 'preact', development: false },
    plugins: [
      {
        name: 'embedded',
        setup: (builder) => {
          builder.onLoad({ filter: /src\/config\/embedded\.ts$/ }, () => ({
            contents: embedded(),
            loader: 'ts',
          }))
        },
      },
    ],
  })
}

if (import.meta.main) {
  const [file = join(ROOT, 'dist/carillon'), target] = process.argv.slice(2)
  await build(file, target)
  console.log(`${file}: ${(Bun.file(file).size / 2 ** 20).toFixed(0)} MB`)
}
