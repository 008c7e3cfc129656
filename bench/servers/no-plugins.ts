/** A configuration without plugins. */
import { defineConfig } from 'carillon/plugin'

export default defineConfig({})
