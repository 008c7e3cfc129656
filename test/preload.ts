/** What every test file starts with: a machine that is busy is no reason to fail. */
import { setDefaultTimeout } from 'bun:test'

setDefaultTimeout(20_000)
