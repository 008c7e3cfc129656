/** RedisMeter: what a Redis has used: CPU, commands, bytes. */
import type { TestRedis } from '../../test/redis/redis'

type Used = {
  readonly cpuMs: number
  readonly commands: number
  readonly bytesOut: number
}

export class RedisMeter {
  constructor(readonly redis: TestRedis) {}

  async #field(section: string, name: string): Promise<number> {
    const text = await this.redis.cli('info', section)
    return Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(text)?.[1])
  }

  async #read(): Promise<Used> {
    const [user, system] = [
      await this.#field('cpu', 'used_cpu_user'),
      await this.#field('cpu', 'used_cpu_sys'),
    ]
    return {
      cpuMs: (user + system) * 1000,
      commands: await this.#field('stats', 'total_commands_processed'),
      bytesOut: await this.#field('stats', 'total_net_output_bytes'),
    }
  }

  usedBytes(): Promise<number> {
    return this.#field('memory', 'used_memory')
  }

  /** What it has used while something ran. */
  async during<Answer>(run: () => Promise<Answer>): Promise<Used & { readonly answer: Answer }> {
    const before = await this.#read()
    const answer = await run()
    const after = await this.#read()
    return {
      answer,
      cpuMs: after.cpuMs - before.cpuMs,
      commands: after.commands - before.commands,
      bytesOut: after.bytesOut - before.bytesOut,
    }
  }
}
