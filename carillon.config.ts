import { defineConfig } from 'carillon/plugin'

export default defineConfig({ plugins: [] })
