/** What tests of takeovers share. */

/** The command of a program that takes the place of another one. */
export const TAKEOVER = [process.execPath, 'src/index.ts', 'serve', '--takeover']

export const freePort = async (): Promise<number> => {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  const port = server.port!
  await server.stop(true)
  return port
}
