import { defineConfig } from 'carillon/plugin'
import { guardian } from './plugins/guardian'

export default defineConfig({ plugins: [guardian()] })
