/**
 * The configuration that is shipped, and an app whose channels keep their last events: in the database, too, where
 * `BENCH_HISTORY` is `durable`.
 */
import { defineConfig } from 'carillon/plugin'
import shipped from '../../carillon.config'
import { OWN_APP } from '../lib/sides'

const durable = process.env['BENCH_HISTORY'] === 'durable'
const size = Number(process.env['BENCH_HISTORY_SIZE'] ?? 1000)

export default defineConfig({
  ...shipped,
  apps: [
    {
      ...OWN_APP,
      name: 'bench',
      history: ['', 'private-', 'presence-'].map((prefix) => ({ prefix, size, durable })),
    },
  ],
})
