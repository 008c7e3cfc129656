import { defineConfig } from 'carillon/plugin'
import { guardian } from './plugins/guardian'
import { originCheck } from './plugins/origin-check'

export default defineConfig({ plugins: [originCheck(), guardian()] })
