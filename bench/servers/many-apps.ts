/** A configuration with `BENCH_APPS` apps. */
import { defineConfig } from 'carillon/plugin'

const apps = Array.from({ length: Number(process.env['BENCH_APPS'] ?? 0) }, (_, index) => ({
  id: `app-${index}`,
  name: `App ${index}`,
  key: `key-${index}`,
  secret: `secret-${index}`,
}))

export default defineConfig(apps.length > 0 ? { apps } : {})
