import { defineConfig } from 'carillon/plugin'
import { guardian } from './plugins/guardian'
import { originCheck } from './plugins/origin-check'
import { rateLimit } from './plugins/rate-limit'

export default defineConfig({ plugins: [originCheck(), rateLimit(), guardian()] })
