import { defineConfig } from 'carillon/plugin'
import { originCheck } from './plugins/origin-check'

export default defineConfig({ plugins: [originCheck()] })
