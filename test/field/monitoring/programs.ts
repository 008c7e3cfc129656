/** PROGRAM_FAULTS: what goes wrong in a process of its own, by the real clock, and which alerts say so. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ADMIN_PAIR, makeBasicAuth, PAIR } from '../../credentials'
import { RawClient } from '../../harness'
import { BUILT, Executable } from '../../built'

/** A server that is a child. */
export class Child implements AsyncDisposable {
  #program: Executable
  #port = 0

  constructor(readonly start: () => Executable) {
    this.#program = start()
  }

  get port(): number {
    return this.#port
  }

  async listen(): Promise<void> {
    this.#port = await this.#program.waitUntilListening()
  }

  async kill(): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
  }

  async restart(): Promise<void> {
    await this.kill()
    this.#program = this.start()
    await this.listen()
  }

  /** Undefined where nobody answers. */
  async scrape(): Promise<string | undefined> {
    const headers = makeBasicAuth(ADMIN_PAIR)
    const answer = fetch(`http://127.0.0.1:${this.port}/metrics`, { headers })
    return answer.then(
      (response) => response.text(),
      () => undefined,
    )
  }

  async push(): Promise<void> {
    const headers = { ...makeBasicAuth(PAIR), 'content-type': 'application/json' }
    const body = '{"channel":"room","event":"e","data":{}}'
    await fetch(`http://127.0.0.1:${this.port}/api/push`, { method: 'POST', headers, body })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}

export type ProgramFault = {
  readonly name: string
  /** `folder` is for its files. */
  readonly start: (folder: string) => Executable
  /** The alerts that fire at the end, in alphabetical order. */
  readonly alerts: readonly string[]
  readonly begin?: (child: Child) => Promise<unknown>
  /** Once for each minute. */
  readonly goOn?: (child: Child) => Promise<unknown>
}

/** A plugin that keeps the event loop for three tenths of a second with each event. */
const BUSY = `
  const publish = () => { for (const end = Date.now() + 300; Date.now() < end; ); }
  export default { plugins: [{ name: 'busy', carillon: 1, setup: () => ({ publish }) }] }`

function startBusy(folder: string): Executable {
  const file = join(folder, 'busy.ts')
  writeFileSync(file, BUSY)
  return new Executable({ CARILLON_CONFIG: file })
}

const FILES = 200
const FEW_FILES = ['sh', '-c', `ulimit -n ${FILES}; exec ${BUILT}`]

/** Clients that stay, one after the other; the server has room for fewer. */
async function crowd({ port }: Child): Promise<void> {
  for (let n = 0; n < FILES; n++)
    await new RawClient(`ws://127.0.0.1:${port}/app/test-app-fake-key`).next('an answer')
}

export const PROGRAM_FAULTS: readonly ProgramFault[] = [
  {
    name: 'the process is killed',
    start: () => new Executable(),
    begin: (child) => child.kill(),
    alerts: ['CarillonDown'],
  },
  {
    name: 'the process starts again and again',
    start: () => new Executable(),
    goOn: (child) => child.restart(),
    alerts: ['CarillonRestarts'],
  },
  {
    name: 'a plugin keeps the event loop',
    start: startBusy,
    goOn: (child) => child.push(),
    alerts: ['CarillonLoopLag'],
  },
  {
    name: 'more clients come than there are files for',
    start: () => new Executable({}, { command: FEW_FILES }),
    begin: crowd,
    alerts: ['CarillonOpenFiles', 'CarillonRefusesConnections'],
  },
]
