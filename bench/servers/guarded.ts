/** Guardian with a public RSA key: of the pair whose private key the load signs with. */
import { defineConfig } from 'carillon/plugin'
import { guardian } from '../../plugins/guardian'

const key = process.env['BENCH_PUBLIC_KEY']

export default defineConfig({ plugins: [guardian(key === undefined ? {} : { keys: [{ key }] })] })
