/** Names that nobody answers for, in a network of the test's own, where the machine allows one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'bun:test'

const UNSHARED = ['unshare', '-rmn', 'sh', '-c']
const isAllowed = Bun.spawnSync([
  ...UNSHARED,
  'ip link set lo up && mount --bind /etc /etc',
]).success
if (!isAllowed) console.log('skipped: a network of its own is not allowed here')

test.skipIf(!isAllowed)(
  'names that nobody answers for delay no other endpoint',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
    writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.53\n')
    writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost\n')
    const script = `ip link set lo up
    for file in resolv.conf hosts; do mount --bind ${folder}/$file /etc/$file; done
    exec ${process.execPath} ${join(import.meta.dir, 'mute-names.ts')}`
    const { stdout, stderr } = Bun.spawnSync([...UNSHARED, script])
    rmSync(folder, { recursive: true, force: true })
    expect([stdout.toString(), stderr.toString()]).toEqual(['200 null\n', ''])
  },
  20_000,
)
