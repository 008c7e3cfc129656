/**
 * What `import 'carillon'` gives: `serve` where Bun runs it, an explanation elsewhere. JavaScript, since Node.js reads
 * no TypeScript in `node_modules`; its types are those of `embed.ts`.
 */

/** Starts a server in this process; see `embed.ts`. Rejects where the runtime is not Bun. */
export async function serve(options) {
  if (typeof Bun === 'undefined') {
    const here = typeof process === 'undefined' ? 'something else' : `Node.js ${process.version}`
    const file = new URL('index.ts', import.meta.url).pathname
    throw new Error(
      `carillon runs on Bun, and this is ${here}: run these tests with Bun (bun test, bunx --bun vitest), or start ` +
        `the server as a program of its own with PORT=0 and DATABASE_PATH=:memory: (npx --yes bun@1.4.5 ${file}) ` +
        'and connect to the port that it prints',
    )
  }
  return (await import('./embed.ts')).serve(options)
}
